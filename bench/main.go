// Command bench measures package oauth and other libraries side by side, and holds
// the package to its bars. README.md says how.
//
//	go -C bench run .                  all tables
//	go -C bench run . -quick           a part of them, in under a minute
//	go -C bench run . -check           exit 1 if a bar is missed, 2 if the run is void
//	go -C bench run . -run 'api|dpop'  the tables whose names match
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"runtime"
	"time"
)

// tables are the parts of a run, in their order. Those that take the machine apart, by
// storms and large bodies, come after those that measure ratios.
var tables = []struct {
	name  string
	quick bool // whether -quick has it, or a part of it
	run   func(*bench)
}{
	{"id-token", true, (*bench).idTokens},
	{"api", true, (*bench).api},
	{"cache", true, (*bench).cache},
	{"dpop", true, (*bench).dpop},
	{"assertion", true, (*bench).assertions},
	{"token", true, (*bench).tokenResponses},
	{"growth", false, (*bench).growth},
	{"refusals", true, (*bench).refusals},
	{"hostile", true, (*bench).hostile},
	{"storms", true, (*bench).storms},
	{"sizes", false, (*bench).sizes},
	{"connections", false, (*bench).connections},
}

func main() {
	log.SetFlags(log.Lshortfile)
	only := flag.String("run", "", "run only the tables whose names match this `regexp`")
	quick := flag.Bool("quick", false, "run a part of the tables, in under a minute")
	checked := flag.Bool("check", false, "exit 1 if a bar is missed, 2 if the run is void")
	pairs := flag.Int("pairs", 40, "take the median of at least `n` pairs of batches")
	list := flag.Bool("list", false, "only list the tables")
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil || flag.NArg() > 0 || *pairs < 1 {
		fmt.Fprintln(os.Stderr, "bench: a flag is wrong:", err, flag.Args())
		flag.Usage()
		os.Exit(64)
	}
	if _, err := os.Stat("programs"); err != nil { // or the table of sizes would fail, a quarter of an hour later
		fmt.Fprintln(os.Stderr, "bench: the programs that it builds are not here: run it in its own directory, with go -C bench run .")
		os.Exit(64)
	}
	b := &bench{pairs: *pairs, mostPairs: *pairs * morePairs, quick: *quick, out: os.Stdout, results: map[string]float64{}}
	if *quick {
		b.pairs = min(b.pairs, 12)
		b.mostPairs = b.pairs
	}
	start := time.Now()
	if !*list {
		fmt.Fprintf(b.out, "%s %s/%s, %d processors, %d to %d pairs\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.pairs, b.mostPairs)
	}
	all := true
	for _, t := range tables {
		if !pattern.MatchString(t.name) || *quick && !t.quick {
			all = false
			continue
		}
		if *list {
			fmt.Println(t.name)
			continue
		}
		began := time.Now()
		t.run(b)
		fmt.Fprintf(os.Stderr, "%s took %s\n", t.name, time.Since(began).Round(time.Second/10))
	}
	if *list {
		return
	}
	code := b.verdict(b.out, all && !*quick)
	fmt.Fprintf(os.Stderr, "all of it took %s\n", time.Since(start).Round(time.Second/10))
	if *checked {
		os.Exit(code)
	}
}

// verdict prints the bars and whether the run counts, and returns the exit code of
// -check.
func (b *bench) verdict(w io.Writer, whole bool) int {
	found := judge(barsOf(runtime.Version()), b.results, min(b.resolution, voidAbove), whole)
	t := newTable("Bars", "", "bar", "limit", "measured", "row", "")
	missed := 0
	for _, f := range found {
		t.add(f.bar.what, f.bar.limitText(), f.worstText(), f.row, f.text())
		if f.missed {
			missed++
		}
	}
	t.print(w)
	fmt.Fprintf(w, "\nResolution of this run, the largest |A/A − 1|: %.4f. Bars missed: %d of %d.\n", b.resolution, missed, len(found))
	switch {
	case b.resolution > voidAbove:
		fmt.Fprintf(w, "This run is void: the resolution is above %.2f, so its times say nothing. Run it again on a quiet machine.\n", voidAbove)
		return 2
	case missed > 0:
		return 1
	}
	return 0
}
