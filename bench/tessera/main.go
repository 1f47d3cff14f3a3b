// Tessera: what Tessera's POSIX storage does with the work that our log is measured with. Prints one line of JSON: how
// often it was done by second, and how long one took in milliseconds.
//
//	tessera append FOLDER WRITERS ENTRIES index|checkpoint
//	tessera prove FOLDER SIZE COUNT inclusion|consistency
//
// append: writers that each wait for the answer before they send their next entry of 1 KiB. With "index" an entry counts
// as acknowledged when its index is known, which Tessera gives once the entry is integrated; all options have their
// defaults. With "checkpoint" it counts once a published checkpoint covers it, with the shortest interval that is taken.
//
// prove: proofs from the tiles of a log, one after the other, with a new builder for each.
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
	"github.com/transparency-dev/tessera/client"
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
	if os.Args[1] == "prove" {
		prove(os.Args[2], uint64(number(os.Args[3])), number(os.Args[4]), os.Args[5])
	} else {
		appendAll(os.Args[2], number(os.Args[3]), number(os.Args[4]), os.Args[5])
	}
}

func appendAll(folder string, writers, entries int, mode string) {
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
	warmUp := make(chan struct{})
	for range min(writers, 64) {
		go func() {
			add(randomLeaf())
			warmUp <- struct{}{}
		}()
	}
	for range min(writers, 64) {
		<-warmUp
	}
	waits, took := run(writers, entries, add)
	check(shutdown(ctx))
	report(waits, took)
}

func prove(folder string, size uint64, count int, kind string) {
	ctx := context.Background()
	fetcher := client.FileFetcher{Root: folder}
	waits := make([]float64, count)
	start := time.Now()
	for i := range waits {
		before := time.Now()
		place := uint64(i+1) * 7_368_787 % size
		builder, err := client.NewProofBuilder(ctx, size, fetcher.ReadTile)
		check(err)
		if kind == "inclusion" {
			_, err = builder.InclusionProof(ctx, place)
		} else {
			_, err = builder.ConsistencyProof(ctx, place+1, size)
		}
		check(err)
		waits[i] = float64(time.Since(before).Nanoseconds()) / 1e6
	}
	report(waits, time.Since(start))
}

func report(waits []float64, took time.Duration) {
	rate := float64(len(waits)) / took.Seconds()
	sort.Float64s(waits)
	at := func(share float64) float64 { return waits[min(len(waits)-1, int(float64(len(waits))*share))] }
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"rate": rate, "p50Ms": at(0.5), "p99Ms": at(0.99), "maxMs": at(1),
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
