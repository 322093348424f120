package before

import (
	"context"

	"golang.org/x/oauth2"
)

func Device(ctx context.Context, config *oauth2.Config, show func(uri, code string)) (*oauth2.Token, error) {
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		return nil, err
	}
	show(device.VerificationURI, device.UserCode)
	return config.DeviceAccessToken(ctx, device)
}
