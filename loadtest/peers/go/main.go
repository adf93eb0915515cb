// The strongest simple design in the language that teams build it in: one process on net/http that decides in memory
// and group-commits straight into Postgres. No log, no failover. A batch forms while the one before commits, on two
// connections in turn; users are answered after the commit. openrun-bench-go PORT STOCK POSTGRES_URL
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
)

const (
	lanes = 2
	// The heap is small, so collecting less often costs little memory.
	gcPercent = 800
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: openrun-bench-go PORT STOCK POSTGRES_URL")
		os.Exit(2)
	}
	debug.SetGCPercent(gcPercent)
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "openrun-bench-go:", err)
		os.Exit(1)
	}
}

func run(port, stockText, url string) error {
	stock, err := strconv.ParseUint(stockText, 10, 64)
	if err != nil {
		return err
	}
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := execute(url, dropTable, createTable); err != nil {
		return err
	}
	campaign := newCampaign(stock)
	failed := make(chan error, lanes+1)
	for i := 0; i < lanes; i++ {
		writer, err := newRowWriter(url)
		if err != nil {
			return err
		}
		go func() { failed <- campaign.commitBatches(writer) }()
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	server := http.Server{Handler: handler{campaign}}
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ended.Done():
		server.Close()
		return execute(url, dropTable)
	}
}
