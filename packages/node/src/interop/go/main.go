// Logcheck: lets golang.org/x/mod/sumdb/note and tlog, which are not ours, judge a custody log.
//
//	logcheck <requests
//
// One request a line, words apart by spaces; one answer a line: "ok", with what was found, or "refused" and why.
// Digests are hexadecimal, proofs are digests with commas between them, or "-" where they are empty.
//
//	checkpoint FILE VKEY                   the note's signature; answers with size and root
//	record SIZE ROOT INDEX LEAF PROOF      an entry stands in a tree
//	grown SIZE1 ROOT1 SIZE2 ROOT2 PROOF    a tree begins with a smaller one
//	tree DIR SIZE ROOT [FILE BYTE]         a whole log: entries, tiles, proofs; with one bit of one file changed
//
// A whole log is hashed anew from its entries, so that nothing rests on the tile reader's own checks alone, and ends
// with proofs that are made from tiles and checked against the root.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	// Records asked of the tile reader at once.
	chunk = 16 * tileWidth
	// Of a whole log, every so many entries are proved.
	proveEvery = 997
)

func main() {
	requests := bufio.NewScanner(os.Stdin)
	requests.Buffer(nil, 1<<20)
	answers := bufio.NewWriter(os.Stdout)
	defer answers.Flush()
	for requests.Scan() {
		found, err := answer(strings.Split(requests.Text(), " "))
		if err != nil {
			fmt.Fprintln(answers, "refused", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Fprintln(answers, strings.TrimSpace("ok "+found))
		}
	}
}

func answer(words []string) (found string, err error) {
	switch {
	case words[0] == "checkpoint" && len(words) == 3:
		return checkCheckpoint(words[1], words[2])
	case words[0] == "record" && len(words) == 6:
		return "", checkRecord(words[1:])
	case words[0] == "grown" && len(words) == 6:
		return "", checkGrown(words[1:])
	case words[0] == "tree" && (len(words) == 4 || len(words) == 6):
		return "", checkTree(words[1:])
	}
	fmt.Fprintln(os.Stderr, "logcheck: no such request:", words[0])
	os.Exit(64)
	return "", nil
}

func checkCheckpoint(file, vkey string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return "", err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return "", errors.New("checkpoint of another log")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return "", errors.New("checkpoint without a root")
	}
	return fmt.Sprintf("%s %x", lines[1], root), nil
}

func checkRecord(words []string) error {
	size, root, err := parseTree(words[0], words[1])
	if err != nil {
		return err
	}
	index, leaf, err := parseTree(words[2], words[3])
	if err != nil {
		return err
	}
	proof, err := parseProof(words[4])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(tlog.RecordProof(proof), size, root, index, leaf)
}

func checkGrown(words []string) error {
	first, firstRoot, err := parseTree(words[0], words[1])
	if err != nil {
		return err
	}
	second, secondRoot, err := parseTree(words[2], words[3])
	if err != nil {
		return err
	}
	proof, err := parseProof(words[4])
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(proof), second, secondRoot, first, firstRoot)
}

func checkTree(words []string) error {
	size, root, err := parseTree(words[1], words[2])
	if err != nil {
		return err
	}
	files := &folder{path: words[0], known: map[string][]byte{}}
	if len(words) == 5 {
		files.damaged = words[3]
		if files.at, err = strconv.Atoi(words[4]); err != nil {
			return err
		}
	}
	leaves, err := hashEntries(files, size)
	if err != nil {
		return err
	}
	stored, err := growTree(leaves)
	if err != nil {
		return err
	}
	if own, err := tlog.TreeHash(size, stored); err != nil || own != root {
		return fmt.Errorf("the entries do not come to the root: %v", err)
	}
	if err := compareTiles(files, size, stored); err != nil {
		return err
	}
	return readThroughTiles(files, tlog.Tree{N: size, Hash: root}, leaves)
}

// hashEntries reads the entry bundles of a log: entries behind their lengths as 16-bit numbers.
func hashEntries(files *folder, size int64) ([]tlog.Hash, error) {
	leaves := make([]tlog.Hash, 0, size)
	for n := int64(0); n*tileWidth < size; n++ {
		width := int(min64(tileWidth, size-n*tileWidth))
		path := tlog.Tile{H: tileHeight, L: -1, N: n, W: width}
		bundle, wider, err := files.readTile(path)
		if err != nil {
			return nil, err
		}
		for i := 0; i < width; i++ {
			if len(bundle) < 2 {
				return nil, errors.New("an entry bundle is too short")
			}
			end := 2 + int(bundle[0])<<8 + int(bundle[1])
			if len(bundle) < end {
				return nil, errors.New("an entry is too short")
			}
			leaves = append(leaves, tlog.RecordHash(bundle[2:end]))
			bundle = bundle[end:]
		}
		if !wider && len(bundle) > 0 {
			return nil, errors.New("an entry bundle is too long")
		}
	}
	return leaves, nil
}

// growTree hashes all nodes that a tree over these leaves stores.
func growTree(leaves []tlog.Hash) (tlog.HashReaderFunc, error) {
	var all []tlog.Hash
	reader := func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = all[index]
		}
		return hashes, nil
	}
	for n, leaf := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaf, tlog.HashReaderFunc(reader))
		if err != nil {
			return nil, err
		}
		all = append(all, hashes...)
	}
	return reader, nil
}

// compareTiles holds every byte of every tile against the tree that was hashed anew.
func compareTiles(files *folder, size int64, stored tlog.HashReader) error {
	for level := 0; size>>(tileHeight*uint(level)) > 0; level++ {
		hashes := size >> (tileHeight * uint(level))
		for n := int64(0); n*tileWidth < hashes; n++ {
			width := int(min64(tileWidth, hashes-n*tileWidth))
			tile := tlog.Tile{H: tileHeight, L: level, N: n, W: width}
			expected, err := tlog.ReadTileData(tile, stored)
			if err != nil {
				return err
			}
			data, _, err := files.readTile(tile)
			if err != nil {
				return err
			}
			if len(data) < len(expected) || !bytes.Equal(data[:len(expected)], expected) {
				return fmt.Errorf("%s is not what the entries come to", tile.Path())
			}
		}
	}
	return nil
}

// readThroughTiles asks the tile reader for every leaf, and checks proofs that it makes from tiles.
func readThroughTiles(files *folder, tree tlog.Tree, leaves []tlog.Hash) error {
	reader := tlog.TileHashReader(tree, files)
	if root, err := tlog.TreeHash(tree.N, reader); err != nil || root != tree.Hash {
		return fmt.Errorf("the tiles do not come to the root: %v", err)
	}
	for first := int64(0); first < tree.N; first += chunk {
		var indexes []int64
		for n := first; n < min64(tree.N, first+chunk); n++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, n))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, hash := range hashes {
			if hash != leaves[first+int64(i)] {
				return fmt.Errorf("entry %d is not what its tile says", first+int64(i))
			}
		}
	}
	for n := int64(0); n < tree.N; n += proveEvery {
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaves[n]); err != nil {
			return err
		}
	}
	return nil
}

// folder is a log in the layout of C2SP tlog-tiles; it is a tlog.TileReader.
type folder struct {
	path  string
	known map[string][]byte
	// One bit of the byte at a place of this file is read wrongly.
	damaged string
	at      int
}

func (f *folder) Height() int { return tileHeight }

func (f *folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, _, err := f.readTile(tile)
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s is too short", tile.Path())
		}
		all[i] = data[:tile.W*tlog.HashSize]
	}
	return all, nil
}

// readTile reads a tile, or the full one where the partial one is gone; then it says so.
func (f *folder) readTile(tile tlog.Tile) (data []byte, wider bool, err error) {
	if data, err = f.read(pathOf(tile)); err != nil && tile.W < tileWidth {
		tile.W = tileWidth
		data, err = f.read(pathOf(tile))
		wider = true
	}
	return data, wider, err
}

func (f *folder) read(path string) ([]byte, error) {
	if data, ok := f.known[path]; ok {
		return data, nil
	}
	data, err := os.ReadFile(filepath.Join(f.path, path))
	if err != nil {
		return nil, err
	}
	if path == f.damaged {
		if f.at >= len(data) {
			fmt.Fprintf(os.Stderr, "logcheck: %s has no byte %d\n", path, f.at)
			os.Exit(64)
		}
		data[f.at] ^= 1
	}
	f.known[path] = data
	return data, nil
}

// pathOf gives the path of a tile in tlog-tiles: without the height, and with "entries" for "data".
func pathOf(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if tile.L == -1 {
		path = "entries" + strings.TrimPrefix(path, "data")
	}
	return "tile/" + path
}

func parseTree(number, digest string) (n int64, hash tlog.Hash, err error) {
	if n, err = strconv.ParseInt(number, 10, 64); err != nil {
		return 0, hash, err
	}
	hash, err = parseHash(digest)
	return n, hash, err
}

func parseProof(text string) ([]tlog.Hash, error) {
	if text == "-" {
		return nil, nil
	}
	var proof []tlog.Hash
	for _, digest := range strings.Split(text, ",") {
		hash, err := parseHash(digest)
		if err != nil {
			return nil, err
		}
		proof = append(proof, hash)
	}
	return proof, nil
}

func parseHash(digest string) (hash tlog.Hash, err error) {
	data, err := hex.DecodeString(digest)
	if err == nil && len(data) != tlog.HashSize {
		err = errors.New("a digest has not 32 bytes")
	}
	copy(hash[:], data)
	return hash, err
}

func min64(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
