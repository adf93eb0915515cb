package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const usersReservedMax = 1_000_000

type outcome int

const (
	issued outcome = iota
	alreadyIssued
	soldOut
)

type coupon struct {
	sequence uint64
	issuedAt time.Time
	batch    *batch
}

// What becomes durable together.
type batch struct {
	rows      []byte
	count     uint64
	committed chan struct{} // closed after the commit
}

func newBatch(rows []byte) *batch {
	return &batch{rows: append(rows[:0], copyHead...), committed: make(chan struct{})}
}

// Who has which coupon. All may be called by any goroutine.
type campaign struct {
	stock     uint64
	committed atomic.Uint64
	// Nobody changes byUser any more, so that it is read without the mutex.
	isSoldOut atomic.Bool
	hasRows   chan struct{} // holds a token while forming has rows that no lane has been told of

	mutex   sync.Mutex
	byUser  map[string]coupon
	forming *batch
}

func newCampaign(stock uint64) *campaign {
	reserved := stock
	if reserved > usersReservedMax {
		reserved = usersReservedMax
	}
	return &campaign{stock: stock, hasRows: make(chan struct{}, 1), byUser: make(map[string]coupon, reserved), forming: newBatch(nil)}
}

// The coupon may be told to nobody before its batch has been committed.
func (c *campaign) decide(user []byte) (coupon, outcome) {
	if !c.isSoldOut.Load() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
	}
	if found, is := c.byUser[string(user)]; is {
		return found, alreadyIssued
	}
	last := uint64(len(c.byUser))
	if last == c.stock {
		return coupon{}, soldOut
	}
	made := coupon{last + 1, time.Now(), c.forming}
	c.byUser[string(user)] = made
	c.forming.rows = appendRow(c.forming.rows, made, user)
	c.forming.count++
	if c.forming.count == 1 {
		c.hasRows <- struct{}{}
	}
	if made.sequence == c.stock {
		c.isSoldOut.Store(true)
	}
	return made, issued
}

// A lane: commits what has formed, as often as there is something. Returns the first error.
func (c *campaign) commitBatches(writer *rowWriter) error {
	var spare []byte
	for range c.hasRows {
		// Requests that have come in the same moment go into the same batch.
		runtime.Gosched()
		c.mutex.Lock()
		full := c.forming
		c.forming = newBatch(spare)
		c.mutex.Unlock()
		if err := writer.commit(append(full.rows, copyEnd...)); err != nil {
			return err
		}
		c.committed.Add(full.count)
		close(full.committed)
		spare, full.rows = full.rows, nil
	}
	return nil
}
