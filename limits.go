package oauth

import "time"

// This file holds the limits of the package, each with its reason.

// The limits of the package, each with its reason.
const (
	bodyChunkSize      = 4 << 10   // bytes of a body that are read at once: nearly all bodies are shorter
	maxShared          = 4 << 10   // bytes of an answer that is kept in memory for a part of it
	maxBody            = 1 << 20   // bytes of an HTTP body: the largest real discovery documents and key sets are a tenth of it
	maxErrorBody       = 4 << 10   // bytes of an error body that are kept for a person to read
	maxResponseHeader  = 64 << 10  // bytes of a response's header, in the package's own client
	maxResourceHeader  = 1 << 20   // bytes of that of a resource: net/http would take 10 MiB
	maxToken           = 64 << 10  // bytes of a compact token: twice what servers accept in a header
	maxHeader          = 8 << 10   // bytes of its header segment
	maxUnverified      = 4 << 10   // bytes of claims that are read whole before the signature, and of one that is found among more
	maxNewIssuers      = 10        // new issuers a second that ServerFor is asked for
	maxFoundServers    = 1000      // issuers whose server ServerFor gave, or gave none
	maxUnasked         = 256 << 10 // bytes that a connection without a request may bring: the certificates of a handshake, and frames of HTTP/2
	maxDepth           = 32        // of nested JSON: bounds the stack
	maxMembers         = 1024      // of a JSON object
	maxDocumentMembers = 1 << 16   // of a JSON document in all: no more fit usefully in maxBody
	maxHeaderMembers   = 64        // of a JOSE header in all
	maxKeys            = 500       // of a key set
	maxMemo            = 256       // remembered headers of a key set
	minShardedTokens   = 1 << 12   // remembered tokens from which on a cache is in shards
	tokenShards        = 64
	memoFront          = 256      // values of a memo that are read without a lock
	memoCandidates     = 16       // headers that came once
	maxMemoHeader      = 1 << 10  // bytes of one
	maxChallengeLine   = 16 << 10 // bytes of a WWW-Authenticate field
	maxChallenges      = 32       // challenges of a response
	maxErrorHeader     = 4 << 10  // bytes of an error's header fields that are kept: as much as of its body
	maxErrorText       = 1 << 10  // bytes of a code, description or URI that are kept
	minRedacted        = 8        // bytes of a secret that is taken out of a server's text wherever it stands: a shorter one is a part of words
	minRedactedWord    = 4        // bytes of a secret that is taken out where it is a whole word: a shorter one is a word of the text
	redactedHead       = 16       // bytes of a secret that are known again where a server cut it off
	maxSpellings       = 4        // a text as it came, and with up to three layers of escapes taken off
	maxAttestation     = 16 << 10 // bytes of a client attestation: servers take no longer header field
	maxServerChallenge = 2 << 10  // bytes of a challenge for its proof, which comes and goes in header fields
	maxPing            = 8 << 10  // bytes of a CIBA notification: it is read before anybody is known
	maxReplays         = 1 << 20  // keys of a ReplayCache in memory, if nothing else is asked for
	minReplaySize      = 1 << 10  // fewer are the requests of one page
	maxReplaySize      = 1 << 24  // about 3 GiB
	replayShards       = 64       // of it: locks that requests wait for
	replayShare        = 64       // the part of it that the proofs of one key can take up while it is more than half full
	maxVerified        = 1 << 20  // access tokens that a resource server remembers
	maxRemembered      = 16 << 10 // bytes of one, with its claims
	maxIntrospected    = 1 << 14  // of them opaque ones
	maxProof           = 16 << 10 // bytes of a DPoP proof: it has a key, a signature and a URL in it, of ML-DSA-87 the first two are 11 KiB
	maxProofRSABits    = 4096     // of its key, which anybody can choose
	minNonceKey        = 32       // bytes of a key that DPoP nonces are made with
	minDecryptSecret   = 16       // bytes of a client secret that a key is made of
	maxSaved           = 3 << 10  // bytes of an encoded Authorization: it shares a cookie of 4 KiB
	minRSABits         = 2048     // NIST SP 800-131A
	maxRSABits         = 8192     // verification takes 1 ms there and grows with the square

	overallTimeout  = 30 * time.Second // of a request, in the package's own client
	pollTimeout     = 65 * time.Second // of a token request that the server may hold until the user decided: CIBA recommends 30 s
	dialTimeout     = 5 * time.Second
	tlsTimeout      = 5 * time.Second
	headerTimeout   = 15 * time.Second
	idleTimeout     = 90 * time.Second // of an idle connection, which pings and maxUnasked watch over
	pingAfter       = 10 * time.Second // of silence on an HTTP/2 connection
	pingTimeout     = 5 * time.Second  // then it is dead
	writeTimeout    = 5 * time.Second  // in which an HTTP/2 connection takes no byte: what net/http answers to pings holds up all else, its own pings too
	silence         = time.Second      // without a byte after which a request that is given up tells of a dead path
	keyFetchTimeout = 10 * time.Second // of a key-set fetch that callers share
	flightGrace     = time.Second      // beyond such a limit, for what ends with its context, before it is given up for
	hookTime        = time.Second      // that callers of shared work wait for the hooks of a Trace

	keySoftAge          = 5 * time.Minute // of a key set, then a refresh is started
	minKeySoftAge       = time.Minute     // least soft age that Cache-Control can ask for
	defaultKeyAge       = time.Hour       // of keys that cannot be refreshed
	maxKeyAge           = 24 * time.Hour
	answerKeyInterval   = 2 * time.Second // between fetches for unknown keys in the server's own answers: it may sign each with a new one
	strangerKeyInterval = time.Minute     // between fetches for unknown keys in what anybody can send
	strangerKeyBurst    = 3               // of these at once: a rotation, or two, beside garbage
	keyBackoff          = time.Second     // after the first failed fetch; doubles
	maxKeyBackoff       = time.Minute

	maxTolerance         = 10 * time.Minute      // of the clock: more would undo expiry
	maxSkew              = 24 * time.Hour        // of the clock: a wrong time zone, not a wrong year
	maxLifetime          = 1 << 31 * time.Second // of what a server says lasts longer: 68 years
	farAway              = 20                    // years from now: a date says more than a number of hours
	maxAhead             = 10 * time.Minute      // iat and auth_time may lie in the future: real clocks
	logoutTokenAge       = time.Hour             // of a logout token: servers send them at once
	frontChannelAge      = time.Hour             // of an ID token that came through the browser
	assertionLifetime    = time.Minute
	maxAssertionLifetime = 10 * time.Minute
	authorizationAge     = time.Hour // between StartAuthorization and its end
	maxAuthorizationAge  = 24 * time.Hour
	maxNonceOrigins      = 100              // of DPoP nonces that are kept
	maxNonce             = 512              // bytes of one
	proofWindow          = time.Minute      // of the iat of a DPoP proof at a resource server
	maxProofWindow       = 5 * time.Minute  // all proofs of that time are remembered
	replayMargin         = time.Minute      // a used token or proof is remembered beyond its end: its time was read before
	maxReplayLife        = 25 * time.Hour   // of a used token or proof: that of a logout token, by a clock that is maxSkew off
	nonceSlot            = time.Minute      // a nonce is good in its own slot and in those before and after it
	maxIntrospectionTTL  = 10 * time.Minute // a revoked token stays good for that long
	newIssuerInterval    = time.Second / 10 // between questions for servers of new issuers, of which maxNewIssuers may come at once
	inactiveLife         = time.Second      // of the answer that a token is not active, whatever IntrospectionTTL is
	foundServerLife      = 10 * time.Minute // of a server that ServerFor gave, until it is asked again
	maxFoundServerLife   = time.Hour        // of one while ServerFor fails: as of keys
	noServerLife         = time.Minute      // of the answer that there is none
	retryAfter           = 5 * time.Second  // what a client is told when something cannot be had
	earlyRefresh         = 30 * time.Second // before a token expires
	introspectionTimeout = 10 * time.Second // of a question about a token, for which an API's caller waits
	refreshTimeout       = 30 * time.Second // of a renewal that callers share
	refreshBackoff       = time.Second      // after the first failed renewal; doubles
	maxRefreshBackoff    = 30 * time.Second

	pollInterval    = 5 * time.Second // RFC 8628, Section 3.2, where the server does not say
	slowDownStep    = 5 * time.Second // Section 3.5
	maxPollInterval = time.Hour       // nobody waits that long for an answer
	maxPollBackoff  = 5 * time.Minute // after attempts that failed
	maxDoublings    = 6               // of the interval

	requestObjectAge = 5 * time.Minute // in a URL: a person may have to find the browser's window
	pushedObjectAge  = time.Minute     // sent at once
)
