module example.com/oauth/docs/migrating

go 1.26.0

require (
	example.com/oauth v0.0.0
	example.com/oauth/xoauth2 v0.0.0
	github.com/coreos/go-oidc/v3 v3.21.0
	golang.org/x/oauth2 v0.38.0
)

require github.com/go-jose/go-jose/v4 v4.1.9 // indirect

replace (
	example.com/oauth => ../..
	example.com/oauth/xoauth2 => ../../xoauth2
)
