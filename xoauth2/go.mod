module example.com/oauth/xoauth2

go 1.25

require (
	example.com/oauth v0.0.0
	golang.org/x/oauth2 v0.33.0
)

replace example.com/oauth => ../
