module example.com/oauth/interop

go 1.25

require example.com/oauth v0.0.0

replace example.com/oauth => ../
