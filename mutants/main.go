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
	fmt.Printf("%d files\n", len(p.files))
}
