// The Connect client of Go, driven by lines of JSON: one call a line in, one answer a line out. See
// ../connect-node/client.mjs, which speaks the same.
//
//	client URL
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	coupon "openrun.test/client/gen/coupon/v1"
	issuance "openrun.test/client/gen/coupon_issuance/v1"
	rpccampaign "openrun.test/client/gen/rpc_campaign"
	rpccoupon "openrun.test/client/gen/rpc_coupon"
)

type call struct {
	Service   string            `json:"service"`
	Method    string            `json:"method"`
	Request   json.RawMessage   `json:"request"`
	Headers   map[string]string `json:"headers"`
	JSON      bool              `json:"json"`
	Gzip      bool              `json:"gzip"`
	TimeoutMs int               `json:"timeoutMs"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type answer struct {
	Response json.RawMessage `json:"response,omitempty"`
	Error    *failure        `json:"error,omitempty"`
}

func ask[Request, Response any](ctx context.Context, url string, one call) (proto.Message, error) {
	var options []connect.ClientOption
	if one.JSON {
		options = append(options, connect.WithProtoJSON())
	}
	if one.Gzip {
		options = append(options, connect.WithSendGzip())
	}
	message := new(Request)
	if err := protojson.Unmarshal(one.Request, any(message).(proto.Message)); err != nil {
		return nil, err
	}
	client := connect.NewClient[Request, Response](http.DefaultClient, url+"/"+one.Service+"/"+one.Method, options...)
	request := connect.NewRequest(message)
	for name, value := range one.Headers {
		request.Header().Set(name, value)
	}
	response, err := client.CallUnary(ctx, request)
	if err != nil {
		return nil, err
	}
	return any(response.Msg).(proto.Message), nil
}

var methods = map[string]func(context.Context, string, call) (proto.Message, error){
	"coupon.v1.CouponService/CreateCampaign":          ask[coupon.CreateCampaignRequest, coupon.CreateCampaignResponse],
	"coupon.v1.CouponService/GetCampaign":             ask[coupon.GetCampaignRequest, coupon.GetCampaignResponse],
	"coupon.v1.CouponService/IssueCoupon":             ask[coupon.IssueCouponRequest, coupon.IssueCouponResponse],
	"coupon_issuance.v1.CouponService/CreateCampaign": ask[issuance.CreateCampaignRequest, issuance.CreateCampaignResponse],
	"coupon_issuance.v1.CouponService/GetCampaign":    ask[issuance.GetCampaignRequest, issuance.GetCampaignResponse],
	"coupon_issuance.v1.CouponService/IssueCoupon":    ask[issuance.IssueCouponRequest, issuance.IssueCouponResponse],
	"rpc_campaign.CampaignService/CreateCampaign":     ask[rpccampaign.CreateCampaignRequest, rpccampaign.CreateCampaignResponse],
	"rpc_campaign.CampaignService/GetCampaign":        ask[rpccampaign.GetCampaignRequest, rpccampaign.GetCampaignResponse],
	"rpc_coupon.CouponService/IssueCoupon":            ask[rpccoupon.IssueCouponRequest, rpccoupon.IssueCouponResponse],
}

func answerTo(url string, one call) answer {
	method, known := methods[one.Service+"/"+one.Method]
	if !known {
		return answer{Error: &failure{"client", "no such method: " + one.Service + "/" + one.Method}}
	}
	ctx := context.Background()
	if one.TimeoutMs > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(one.TimeoutMs)*time.Millisecond)
		defer cancel()
	}
	message, err := method(ctx, url, one)
	if err != nil {
		told := failure{connect.CodeOf(err).String(), err.Error()}
		var known *connect.Error
		if errors.As(err, &known) {
			told.Message = known.Message()
		}
		return answer{Error: &told}
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		return answer{Error: &failure{"client", err.Error()}}
	}
	return answer{Response: text}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one call
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		text, err := json.Marshal(answerTo(os.Args[1], one))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(string(text))
	}
}
