package main

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
)

const (
	bodyBytesMax = 4096
	userBytesMax = 64
	codeLength   = 13
	codeSymbols  = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeSpread   = 0x9E3779B97F4A7C15 // odd: a bijection
	timeLayout   = "2006-01-02T15:04:05.000Z"
)

var (
	buffers     = sync.Pool{New: func() any { return new([bodyBytesMax]byte) }}
	jsonType    = []string{"application/json"}
	userName    = []byte(`"user_id":"`)
	badAnswer   = newFixed(http.StatusBadRequest, `{"title":"Bad request","status":400,"code":"INVALID_REQUEST"}`)
	soldOutTold = newFixed(http.StatusConflict, `{"type":"about:blank","title":"Sold out","status":409,"code":"SOLD_OUT","campaign_id":1}`)
)

// An answer that is always the same.
type fixed struct {
	status int
	length []string
	body   []byte
}

func newFixed(status int, body string) fixed {
	return fixed{status, []string{strconv.Itoa(len(body))}, []byte(body)}
}

func (f fixed) write(w http.ResponseWriter) {
	w.Header()["Content-Length"] = f.length
	answer(w, f.status, f.body)
}

func answer(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Date"] = nil // the other peers tell none either
	w.WriteHeader(status)
	w.Write(body) // whoever has gone needs no answer
}

type handler struct{ campaign *campaign }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		h.tellCampaign(w)
		return
	}
	buffer := buffers.Get().(*[bodyBytesMax]byte)
	defer buffers.Put(buffer)
	if r.ContentLength < 0 || r.ContentLength > bodyBytesMax {
		badAnswer.write(w)
		return
	}
	body := buffer[:r.ContentLength]
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return
	}
	user := userOf(body)
	if len(user) == 0 {
		badAnswer.write(w)
		return
	}
	coupon, outcome := h.campaign.decide(user)
	if outcome == soldOut {
		soldOutTold.write(w)
		return
	}
	<-coupon.batch.committed
	if outcome == issued {
		answer(w, http.StatusCreated, appendCoupon(buffer[:0], `{"receipt":"peer-`, `","campaign_id":1,"status":"issued","coupon":{"code":"`, coupon))
	} else {
		answer(w, http.StatusConflict, appendCoupon(buffer[:0], `{"title":"Already issued","status":409,"code":"ALREADY_ISSUED","receipt":"peer-`,
			`","campaign_id":1,"coupon":{"code":"`, coupon))
	}
}

func (h handler) tellCampaign(w http.ResponseWriter) {
	stock, issued := h.campaign.stock, h.campaign.committed.Load()
	body := append(make([]byte, 0, 256), `{"id":1,"name":"peer","stock":`...)
	body = append(strconv.AppendUint(body, stock, 10), `,"issued":`...)
	body = append(strconv.AppendUint(body, issued, 10), `,"remaining":`...)
	body = append(strconv.AppendUint(body, stock-issued, 10), `,"state":"open","starts_at":"2026-01-01T00:00:00.000Z"}`...)
	answer(w, http.StatusOK, body)
}

func appendCoupon(out []byte, head, middle string, of coupon) []byte {
	out = strconv.AppendUint(append(out, head...), of.sequence, 10)
	out = appendCode(append(out, middle...), of.sequence)
	out = strconv.AppendUint(append(out, `","sequence":`...), of.sequence, 10)
	out = of.issuedAt.UTC().AppendFormat(append(out, `,"issued_at":"`...), timeLayout)
	return append(out, `"}}`...)
}

func appendCode(out []byte, sequence uint64) []byte {
	spread := sequence * codeSpread
	for i := 0; i < codeLength; i++ {
		out = append(out, codeSymbols[spread&31])
		spread >>= 5
	}
	return out
}

// The value of user_id; empty where it is not there or holds what a peer need not understand.
func userOf(body []byte) []byte {
	_, rest, _ := bytes.Cut(body, userName)
	user, _, isClosed := bytes.Cut(rest, []byte{'"'})
	if !isClosed || len(user) > userBytesMax {
		return nil
	}
	for _, c := range user {
		if c == '\\' || c < 0x20 {
			return nil
		}
	}
	return user
}
