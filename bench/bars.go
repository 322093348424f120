package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// This file holds the bars of the package, and how results are held against them.

// A bar is a limit for rows of ours.
type bar struct {
	what  string
	rows  string // a regexp that matches whole names of results, as bench.put makes them
	limit float64
	least bool   // the limit is a lower one
	timed bool   // the result is of the clock, so the resolution of the run counts
	of    string // the Go that the limit is about; empty: every one
}

// bars are all that the package is to reach. There are no exceptions.
var bars = []bar{
	{what: "ID token over bare, RS256 and PS256", rows: `id-token/(RS256|PS256)/\d+/ours ratio`, limit: 1.10, timed: true},
	{what: "ID token over bare, ES256 and EdDSA", rows: `id-token/(ES256|EdDSA)/\d+/ours ratio`, limit: 1.05, timed: true},
	{what: "ID token over bare, ES384", rows: `id-token/ES384/\d+/ours ratio`, limit: 1.03, timed: true},
	{what: "Authenticate over bare, RS256 and PS256", rows: `api/(RS256|PS256)/\d/\d/ours ratio`, limit: 1.10, timed: true},
	{what: "Authenticate over bare, ES256 and EdDSA", rows: `api/(ES256|EdDSA)/\d/\d/ours ratio`, limit: 1.05, timed: true},
	{what: "Authenticate over bare, ES384", rows: `api/ES384/\d/\d/ours ratio`, limit: 1.03, timed: true},
	{what: "allocations over bare", rows: `(id-token|api)/.*/ours allocs`, limit: 5},
	{what: "bytes of these", rows: `(id-token|api)/.*/ours bytes`, limit: 1500},
	{what: "refusal before the signature, allocations", rows: `refusals/ours.* allocs`, limit: 3},
	{what: "refusal of the reference token, µs", rows: `refusals/ours.* µs`, limit: 2, timed: true},
	{what: "refusal of four times the size, times as long", rows: `refusals/ours.* growth`, limit: 4.4, timed: true},
	{what: "scaling from 1 to 2 processors, of bare's", rows: `(api|cache)/.*/ours scaling`, limit: 0.94, least: true, timed: true},
	{what: "hit of a remembered token over bare", rows: `cache/(RS256|ES256)/ours ratio`, limit: 0.05, timed: true},
	{what: "hit of a remembered token, allocations", rows: `cache/.*/ours allocs`, limit: 0},
	{what: "DPoP proof made, over bare", rows: `dpop/made/ours(, another token each time)? ratio`, limit: 1.10, timed: true},
	{what: "private_key_jwt ES256 over bare", rows: `assertion/ES256/ours ratio`, limit: 1.06, timed: true},
	{what: "Authenticate with a DPoP-bound token, over two bare", rows: `dpop/authenticated/ours ratio`, limit: 1.08, timed: true},
	// Of 2 kB, and of Go 1.26: with a smaller response or a faster encoding/json, most of both
	// sides is net/http.
	{what: "token response of 2 kB over net/http and encoding/json", rows: `token/2\.0 kB/ours ratio`, limit: 0.6, timed: true, of: "go1.26"},
	{what: "key-set fetches, cold start", rows: `storms/cold start/ours.* fetches`, limit: 1},
	{what: "key-set fetches, unknown kids in parallel", rows: `storms/kids in parallel/ours.* fetches`, limit: 3},
	{what: "key-set fetches, unknown kids in sequence", rows: `storms/kids in sequence/ours.* fetches`, limit: 3},
	{what: "key-set fetches, bad signatures", rows: `storms/bad signatures/ours.* fetches`, limit: 0},
	{what: "rotated key accepted after a storm, s", rows: `storms/rotation/ours.* s`, limit: 61, timed: true},
	{what: "recovered after an outage from the start, s", rows: `storms/outage/ours.* s`, limit: 61, timed: true},
	{what: "hostile token before any signature, µs", rows: `hostile/token/.*/ours.* µs`, limit: 100, timed: true},
	{what: "hostile token before any signature, bytes", rows: `hostile/token/.*/ours.* bytes`, limit: 256_000},
	{what: "hostile token, µs beyond one signature", rows: `hostile/signature/.*/ours.* µs`, limit: 100, timed: true},
	{what: "hostile token with a proof, µs beyond two signatures", rows: `hostile/proof/.*/ours.* µs`, limit: 100, timed: true},
	{what: "hostile body of 1 MiB, ms", rows: `hostile/body/.*/ours ms`, limit: 25, timed: true},
	{what: "hostile body of 1 MiB, bytes", rows: `hostile/body/.*/ours bytes`, limit: 4_000_000},
	{what: "body that drips: s beyond the context", rows: `hostile/drip/ours s`, limit: 0.5, timed: true},
	{what: "body that drips: goroutines 11 s later", rows: `hostile/drip/ours left`, limit: 0},
	{what: "program that verifies, bytes over the floor", rows: `sizes/verify/ours bytes`, limit: 150_000},
	{what: "program that verifies, symbols of JWE", rows: `sizes/verify/ours jwe`, limit: 0},
	{what: "lines of inittrace", rows: `sizes/verify/ours init`, limit: 0},
	{what: "growth from 1 to 100 keys", rows: `growth/keys/.* growth`, limit: 1.10, timed: true},
	{what: "growth from 1 to 100 of 10,000 key sets", rows: `growth/sets/.* growth`, limit: 1.10, timed: true},
	{what: "bytes of an idle key set of 10 keys", rows: `growth/memory/.* bytes`, limit: 8000},
}

// barsOf are those for a version of Go.
func barsOf(version string) []bar {
	return slices.DeleteFunc(slices.Clone(bars), func(b bar) bool {
		return b.of != "" && version != b.of && !strings.HasPrefix(version, b.of+".")
	})
}

// A finding is what became of a bar.
type finding struct {
	bar    bar
	row    string  // the worst that it matches; empty if there is none
	worst  float64 // its result
	missed bool
}

// judge holds results against bars. Timed ones may be beyond a limit by the resolution
// of the run. In a whole run a bar without a result is missed.
func judge(bars []bar, results map[string]float64, resolution float64, whole bool) []finding {
	var list []finding
	for _, b := range bars {
		f := finding{bar: b, missed: whole}
		rows := regexp.MustCompile("^(?:" + b.rows + ")$")
		for _, name := range sortedNames(results) {
			if rows.MatchString(name) && (f.row == "" || b.worse(results[name], f.worst)) {
				f.row, f.worst = name, results[name]
			}
		}
		if f.row != "" {
			f.missed = b.missedBy(f.worst, resolution)
		}
		list = append(list, f)
	}
	return list
}

func (b bar) worse(x, than float64) bool {
	if b.least {
		return !(x >= than)
	}
	return !(x <= than)
}

// missedBy is true for a result that is not a number, too.
func (b bar) missedBy(result, resolution float64) bool {
	limit := b.limit
	switch {
	case b.timed && b.least:
		limit *= 1 - resolution
	case b.timed:
		limit *= 1 + resolution
	}
	return b.worse(result, limit)
}

func sortedNames(results map[string]float64) []string {
	var names []string
	for name := range results {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (b bar) limitText() string {
	if b.least {
		return "≥ " + digits(b.limit)
	}
	return "≤ " + digits(b.limit)
}

// digits writes a result as exactly as it is of use.
func digits(x float64) string {
	if x >= 1000 || x == float64(int64(x)) {
		return thousands(int64(x + 0.5))
	}
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(x, 'f', 3, 64), "0"), ".")
}

func (f finding) worstText() string {
	if f.row == "" {
		return ""
	}
	return digits(f.worst)
}

func (f finding) text() string {
	switch {
	case f.row == "" && f.missed:
		return "**not measured**"
	case f.row == "":
		return "not measured"
	case f.missed:
		return fmt.Sprintf("**missed** by %s", digits(abs(f.worst-f.bar.limit)))
	}
	return "met"
}

func abs(x float64) float64 { return max(x, -x) }
