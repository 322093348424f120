// Mutants shows which behavior of the package no test holds. It makes the package
// wrong in one small place at a time and runs the tests that could notice it.
package main

import (
	"fmt"
	"log"
)

func main() {
	p, err := load(".")
	if err != nil {
		log.Fatal(err)
	}
	f := find(p)
	if err := p.check(f.rewritten()); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d mutants in %d files\n", len(f.mutants), len(p.files))
}
