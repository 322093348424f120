package oauthtest_test

import (
	"slices"
	"testing"

	"example.com/oauth/oauthtest"
)

// TestFaultParts: each fault has a part, and each part a fault.
func TestFaultParts(t *testing.T) {
	faults := map[oauthtest.Part]int{}
	for _, f := range oauthtest.Faults() {
		if f.Part() == "" {
			t.Errorf("%s touches nothing", f)
		}
		faults[f.Part()]++
	}
	for _, part := range []oauthtest.Part{
		oauthtest.PartMetadata, oauthtest.PartKeySet, oauthtest.PartAuthorizationResponse, oauthtest.PartTokenResponse, oauthtest.PartSignature,
		oauthtest.PartIDToken, oauthtest.PartResponseIssuer, oauthtest.PartAuthTime, oauthtest.PartResponseIDToken, oauthtest.PartSHash,
		oauthtest.PartResponseJWT, oauthtest.PartPushedRequest, oauthtest.PartEncryption, oauthtest.PartUserinfo, oauthtest.PartSignedUserinfo,
		oauthtest.PartDPoP, oauthtest.PartDetails, oauthtest.PartRefresh, oauthtest.PartIntrospection, oauthtest.PartSignedIntrospection,
		oauthtest.PartRevocation, oauthtest.PartRegistration, oauthtest.PartLogoutToken, oauthtest.PartResource, oauthtest.PartResourceMetadata,
		oauthtest.PartExchange, oauthtest.PartDevice, oauthtest.PartBackchannel, oauthtest.PartPoll, oauthtest.PartPing,
	} {
		if faults[part] == 0 {
			t.Errorf("no fault touches %q", part)
		}
		delete(faults, part)
	}
	if len(faults) > 0 {
		t.Errorf("parts that are no constants: %v", faults)
	}
	none := oauthtest.Fault("NoSuchFault")
	if none.Part() != "" || none.Effect() != oauthtest.EffectHarmless {
		t.Error("a fault that does not exist touches something")
	}
}

// TestFaultPartsOnce: no fault has two effects.
func TestFaultPartsOnce(t *testing.T) {
	seen := map[oauthtest.Fault]bool{}
	for _, row := range oauthtest.FaultRows() {
		for _, f := range row {
			if seen[f] || !slices.Contains(oauthtest.Faults(), f) {
				t.Errorf("%s is there twice, or does not exist", f)
			}
			seen[f] = true
		}
	}
}

func TestFatalFaults(t *testing.T) {
	login := oauthtest.FatalFaults()
	for _, f := range []oauthtest.Fault{oauthtest.WrongState, oauthtest.WrongNonce, oauthtest.AlgNone, oauthtest.DiscoveryWrongIssuer, oauthtest.TokenHTML} {
		if !slices.Contains(login, f) {
			t.Errorf("%s is not fatal", f)
		}
	}
	for _, f := range []oauthtest.Fault{oauthtest.StringExpiresIn, oauthtest.WrongAtHash, oauthtest.LogoutWrongIssuer, oauthtest.MissingAuthTime} {
		if slices.Contains(login, f) {
			t.Errorf("%s is fatal to a login", f)
		}
	}
	want := []oauthtest.Fault{oauthtest.MissingAuthTime, oauthtest.OldAuthTime}
	if got := oauthtest.FatalFaults(oauthtest.PartAuthTime); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
