package after

import (
	"context"

	"example.com/oauth"
)

func Device(ctx context.Context, client *oauth.Client, scope []string, show func(uri, code string)) (*oauth.Token, error) {
	device, err := client.StartDeviceAuthorization(ctx, &oauth.DeviceAuthorizationRequest{Scope: scope})
	if err != nil {
		return nil, err
	}
	show(device.VerificationURI(), device.UserCode())
	return client.PollDevice(ctx, device, nil)
}
