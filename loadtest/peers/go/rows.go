package main

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	dropTable   = "SET client_min_messages = warning; DROP TABLE IF EXISTS bench_single_coupon"
	createTable = `CREATE TABLE bench_single_coupon (campaign_id integer NOT NULL, sequence bigint NOT NULL,
		user_id text COLLATE "C" NOT NULL, code text COLLATE "C" NOT NULL, issued_at timestamptz NOT NULL,
		PRIMARY KEY (campaign_id, sequence), UNIQUE (user_id, campaign_id))`
	copyText = "COPY bench_single_coupon (campaign_id, sequence, user_id, code, issued_at) FROM STDIN (FORMAT binary)"
	copyHead = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyEnd  = "\xff\xff"
)

var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func appendText(out []byte, text []byte) []byte {
	return append(binary.BigEndian.AppendUint32(out, uint32(len(text))), text...)
}

func appendRow(out []byte, of coupon, user []byte) []byte {
	var code [codeLength]byte
	out = binary.BigEndian.AppendUint16(out, 5)
	out = binary.BigEndian.AppendUint32(out, 4)
	out = binary.BigEndian.AppendUint32(out, 1)
	out = binary.BigEndian.AppendUint32(out, 8)
	out = binary.BigEndian.AppendUint64(out, of.sequence)
	out = appendText(out, user)
	out = appendText(out, appendCode(code[:0], of.sequence))
	out = binary.BigEndian.AppendUint32(out, 8)
	return binary.BigEndian.AppendUint64(out, uint64(of.issuedAt.Sub(postgresEpoch).Microseconds()))
}

func execute(url string, statements ...string) error {
	connection, err := pgconn.Connect(context.Background(), url)
	if err != nil {
		return err
	}
	defer connection.Close(context.Background())
	for _, statement := range statements {
		if _, err := connection.Exec(context.Background(), statement).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// One connection. The rows are encoded already, and COPY, rows and end go out in one write: a batch is one round trip.
type rowWriter struct{ frontend *pgproto3.Frontend }

func newRowWriter(url string) (*rowWriter, error) {
	connection, err := pgconn.Connect(context.Background(), url)
	if err != nil {
		return nil, err
	}
	return &rowWriter{connection.Frontend()}, nil
}

func (w *rowWriter) commit(rows []byte) error {
	w.frontend.SendQuery(&pgproto3.Query{String: copyText})
	w.frontend.Send(&pgproto3.CopyData{Data: rows})
	w.frontend.Send(&pgproto3.CopyDone{})
	if err := w.frontend.Flush(); err != nil {
		return err
	}
	for {
		message, err := w.frontend.Receive()
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *pgproto3.ErrorResponse:
			return pgconn.ErrorResponseToPgError(message)
		case *pgproto3.ReadyForQuery:
			return nil
		}
	}
}
