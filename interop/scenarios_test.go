package interop

// This file says which scenarios there are, which the package cannot run yet, and
// which need more than a run may have.

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"example.com/oauth"
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

// notYet says what is missing in the package for the other scenarios: nothing,
// today. The first pattern that matches the whole name counts.
var notYet = []struct {
	name    string // a regular expression
	missing string
}{}

// needML are the scenarios that need ML-DSA on both sides: Go 1.27 and Node 24. They
// are no part of a run that has not both.
var needML = regexp.MustCompile(`\bML-DSA-\d+\b`)

// missingML is what keeps this run from them, or "".
func missingML(desc *description) string {
	if _, err := oauth.GenerateSigningKey(oauth.MLDSA44); err != nil {
		return err.Error()
	}
	if !slices.Contains(desc.Algs.Signing, string(oauth.MLDSA44)) {
		return "the server's Node has no ML-DSA"
	}
	return ""
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
