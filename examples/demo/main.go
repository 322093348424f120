// Command demo lists the programs of examples, and shows one.
//
//	go run ./examples/demo
//	go run ./examples/demo login
//	go run ./examples/demo login -browser
//
// With -browser, a program that listens is not shown, but left to a person with a browser.
//
// It is run in the module, because it runs the program by its package.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"strings"

	"example.com/oauth/examples/internal/demo"
)

func main() {
	programs := demo.Programs()
	person := len(os.Args) == 3 && os.Args[2] == "-browser"
	if len(os.Args) != 2 && !person {
		fmt.Println(strings.Join(programs, "\n"))
		return
	}
	name := os.Args[1]
	if !slices.ContainsFunc(programs, func(line string) bool { return strings.HasPrefix(line, name+" ") }) {
		log.Fatalf("there is no program %q", name)
	}
	cmd := exec.Command("go", "run", "example.com/oauth/examples/"+name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "OAUTH_") { // settings are for the program itself
			cmd.Env = append(cmd.Env, setting)
		}
	}
	if person {
		cmd.Env = append(cmd.Env, "DEMO_BROWSER=1")
	}
	if cmd.Run() != nil {
		os.Exit(1) // the program has said why
	}
}
