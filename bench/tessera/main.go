// Tessera: writers that append to a log of Tessera's POSIX storage, each waiting for its answer before it sends the next
// entry of 1 KiB. Prints one line of JSON: entries acknowledged by second, and how long one waited.
//
//	tessera FOLDER WRITERS ENTRIES index|checkpoint
//
// With "index" an entry counts as acknowledged when its index is known, which Tessera gives once the entry is integrated;
// all options have their defaults. With "checkpoint" it counts once a published checkpoint covers it, with the shortest
// interval that Tessera takes.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const (
	leafBytes   = 1024
	pool        = 4096
	minInterval = 100 * time.Millisecond
	pollEvery   = 10 * time.Millisecond
)

func main() {
	folder, mode := os.Args[1], os.Args[4]
	writers, entries := number(os.Args[2]), number(os.Args[3])
	ctx := context.Background()

	driver, err := posix.New(ctx, posix.Config{Path: folder})
	check(err)
	options := tessera.NewAppendOptions().WithCheckpointSigner(newSigner())
	if mode == "checkpoint" {
		options = options.WithCheckpointInterval(minInterval)
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	check(err)
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, pollEvery)

	add := func(leaf []byte) {
		future := appender.Add(ctx, tessera.NewEntry(leaf))
		if mode == "checkpoint" {
			_, _, err := awaiter.Await(ctx, future)
			check(err)
		} else {
			_, err := future()
			check(err)
		}
	}
	for range writers {
		go add(randomLeaf())
	}
	add(randomLeaf())

	waits, took := run(writers, entries, add)
	check(shutdown(ctx))
	sort.Float64s(waits)
	at := func(share float64) float64 { return waits[min(len(waits)-1, int(float64(len(waits))*share))] }
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"rate": float64(entries) / took.Seconds(), "p50Ms": at(0.5), "p99Ms": at(0.99), "maxMs": at(1),
	}))
}

// run sends all entries, and gives back how long each waited in milliseconds, and how long it took.
func run(writers, entries int, add func([]byte)) ([]float64, time.Duration) {
	leaves := make([][]byte, pool)
	for i := range leaves {
		leaves[i] = randomLeaf()
	}
	waits := make([]float64, entries)
	var sent atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for range writers {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				i := int(sent.Add(1)) - 1
				if i >= entries {
					return
				}
				before := time.Now()
				add(leaves[i%pool])
				waits[i] = float64(time.Since(before).Nanoseconds()) / 1e6
			}
		}()
	}
	group.Wait()
	return waits, time.Since(start)
}

func newSigner() note.Signer {
	key, _, err := note.GenerateKey(rand.Reader, "log.example/bench")
	check(err)
	signer, err := note.NewSigner(key)
	check(err)
	return signer
}

func randomLeaf() []byte {
	leaf := make([]byte, leafBytes)
	_, err := rand.Read(leaf)
	check(err)
	return leaf
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
