// Logclient: meets our HTTP faces with golang.org/x/mod/sumdb/note and tlog, which are not ours.
//
//	logclient key ORIGIN                     makes a key: secret key, then verifier key, a line each
//	logclient submit URL SKEY VKEY STEPS     is a log, and asks our witness for cosignatures
//	logclient read URL VKEY INDEX,INDEX…     reads our log by HTTP, and proves entries from its tiles
//
// A step is OLD-SIZE, with an f behind it for a fork of the log, and steps have commas between them; each is answered by
// a line: the status, and the body of a conflict or the time of the cosignature that holds.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "logclient:", err)
		os.Exit(1)
	}
}

func command(words []string) error {
	switch {
	case len(words) == 2 && words[0] == "key":
		skey, vkey, err := note.GenerateKey(rand.Reader, words[1])
		fmt.Printf("%s\n%s\n", skey, vkey)
		return err
	case len(words) == 5 && words[0] == "submit":
		return submitAll(words[1], words[2], words[3], strings.Split(words[4], ","))
	case len(words) == 4 && words[0] == "read":
		return readLog(words[1], words[2], strings.Split(words[3], ","))
	}
	return errors.New("no such command")
}

// history is a log in memory: all hashes that tlog stores.
type history []tlog.Hash

func (h history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = h[index]
	}
	return hashes, nil
}

func grow(size int64, mark string) (history, error) {
	var h history
	for i := int64(0); i < size; i++ {
		hashes, err := tlog.StoredHashes(i, []byte(fmt.Sprintf("entry %d%s", i, mark)), h)
		if err != nil {
			return nil, err
		}
		h = append(h, hashes...)
	}
	return h, nil
}

func submitAll(url, skey, vkey string, steps []string) error {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	witness, err := newCosigner(vkey)
	if err != nil {
		return err
	}
	for _, step := range steps {
		mark := ""
		if strings.HasSuffix(step, "f") {
			mark = " forked"
		}
		var old, size int64
		if _, err := fmt.Sscanf(strings.TrimSuffix(step, "f"), "%d-%d", &old, &size); err != nil {
			return err
		}
		answer, err := submit(url, signer, witness, old, size, mark)
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return nil
}

func submit(url string, signer note.Signer, witness note.Verifier, old, size int64, mark string) (string, error) {
	h, err := grow(size, mark)
	if err != nil {
		return "", err
	}
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return "", err
	}
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	if old > 0 {
		proof, err := tlog.ProveTree(size, old, h)
		if err != nil {
			return "", err
		}
		for _, hash := range proof {
			fmt.Fprintf(&body, "%s\n", base64.StdEncoding.EncodeToString(hash[:]))
		}
	}
	fmt.Fprintf(&body, "\n%s", signed)
	status, answer, err := fetch(http.NewRequest("POST", url+"/add-checkpoint", &body))
	if err != nil {
		return "", err
	}
	if status == http.StatusConflict {
		return fmt.Sprintf("409 %s", bytes.TrimSpace(answer)), nil
	}
	if status != http.StatusOK {
		return strconv.Itoa(status), nil
	}
	opened, err := note.Open(append(signed, answer...), note.VerifierList(witness))
	if err != nil {
		return "", err
	}
	time := binary.BigEndian.Uint64(mustDecode(opened.Sigs[0].Base64)[4:])
	return fmt.Sprintf("200 %d", time), nil
}

func readLog(url, vkey string, indexes []string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	status, text, err := fetch(http.NewRequest("GET", url+"/checkpoint", nil))
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("checkpoint: %d %v", status, err)
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, tiles(url))
	for _, word := range indexes {
		index, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(size, index, reader)
		if err != nil {
			return err
		}
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, size, root, index, hashes[0]); err != nil {
			return err
		}
	}
	fmt.Println("ok", size)
	return nil
}

// tiles are those of a log by HTTP, in the layout of C2SP tlog-tiles.
type tiles string

func (url tiles) Height() int                             { return 8 }
func (url tiles) SaveTiles(tiles []tlog.Tile, _ [][]byte) {}

func (url tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(wanted))
	for i, tile := range wanted {
		// tlog writes the height of tiles into the path, tlog-tiles does not.
		path := strings.Replace(tile.Path(), "tile/8/", "/tile/", 1)
		status, bytes, err := fetch(http.NewRequest("GET", string(url)+path, nil))
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("%s: %d %v", path, status, err)
		}
		all[i] = bytes
	}
	return all, nil
}

func fetch(request *http.Request, err error) (int, []byte, error) {
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	bytes, err := io.ReadAll(response.Body)
	return response.StatusCode, bytes, err
}

// cosigner checks cosignatures of C2SP tlog-cosignature, which note does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	key := mustDecode(parts[2])
	if len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not a key for cosignatures of Ed25519")
	}
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(digest[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("not its own key ID")
	}
	return &cosigner{name: parts[0], hash: hash, key: key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), message...)
	return ed25519.Verify(c.key, signed, signature[8:])
}

func mustDecode(text string) []byte {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return decoded
}
