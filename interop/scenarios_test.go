package interop

// This file says which scenarios there are, and which the package cannot run
// yet.

import (
	"fmt"
	"regexp"
	"sync"
)

// A table has a function for each scenario that the package can run.
type table map[string]scenarioFunc

// add enters a scenario under its name in scenarios.txt.
func (t table) add(name string, f scenarioFunc) {
	if t[name] != nil {
		panic("two scenarios are called " + name)
	}
	t[name] = f
}

// scenarios is the whole table.
var scenarios = sync.OnceValue(func() table {
	t := table{}
	discoveryScenarios(t)
	clientAuthScenarios(t)
	authorizeScenarios(t)
	signedScenarios(t)
	encryptedScenarios(t)
	oidcScenarios(t)
	grantScenarios(t)
	deviceScenarios(t)
	backchannelScenarios(t)
	endpointScenarios(t)
	registrationScenarios(t)
	logoutScenarios(t)
	resourceScenarios(t)
	accessTokenScenarios(t)
	dpopScenarios(t)
	return t
})

// notYet says what is missing in the package for the other scenarios. The first
// pattern that matches the whole name counts.
var notYet = []struct {
	name    string // a regular expression
	missing string
}{
	{`.*\bML-DSA-\d+\b.*`, "ML-DSA, which needs Go 1.27"},
}

// missingCall is what the package lacks for a scenario, or "".
func missingCall(name string) string {
	for _, n := range notYet {
		if matchesWhole(n.name, name) {
			return n.missing
		}
	}
	return ""
}

func matchesWhole(pattern, name string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(name)
}

// checkTables finds what is left over: functions without a line in
// scenarios.txt, and entries of notYet that no scenario needs any more.
func checkTables() error {
	names, err := scenarioNames("scenarios.txt", "")
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	needed := map[string]bool{}
	for _, name := range names {
		listed[name] = true
		for _, n := range notYet {
			if !matchesWhole(n.name, name) {
				continue
			}
			if scenarios()[name] != nil {
				return fmt.Errorf("%q has a function and is not yet (%s)", name, n.name)
			}
			needed[n.name] = true
			break
		}
	}
	for name := range scenarios() {
		if !listed[name] {
			return fmt.Errorf("%q has a function but no line in scenarios.txt", name)
		}
	}
	for _, n := range notYet {
		if !needed[n.name] {
			return fmt.Errorf("no scenario is not yet because of %s", n.name)
		}
	}
	return nil
}
