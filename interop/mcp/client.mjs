// A client of the official TypeScript SDK: it connects to the MCP server of its argument,
// logs in where that asks for it, calls each tool, and prints what they say. The user's
// browser is a request whose redirect is not followed: the server logs in without a page.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";

const redirect = "http://localhost:3000/callback";
let code;

const provider = {
  redirectUrl: redirect,
  clientMetadata: {
    client_name: "interop",
    redirect_uris: [redirect],
    // With a refresh token, the SDK refreshes where a tool needs more, and asks no user.
    grant_types: ["authorization_code"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => provider.information,
  saveClientInformation: (information) => void (provider.information = information),
  tokens: () => provider.saved,
  saveTokens: (tokens) => void (provider.saved = tokens),
  codeVerifier: () => provider.verifier,
  saveCodeVerifier: (verifier) => void (provider.verifier = verifier),
  async redirectToAuthorization(url) {
    let response = await fetch(url, { redirect: "manual" });
    const cookies = [];
    for (let hops = 0; hops < 5; hops++) {
      cookies.push(...response.headers.getSetCookie().map((c) => c.split(";")[0]));
      const at = new URL(response.headers.get("location") ?? "", url);
      if (at.href.startsWith(redirect)) {
        code = at.searchParams.get("code");
        return;
      }
      response = await fetch(at, { redirect: "manual", headers: { cookie: cookies.join("; ") } });
    }
    throw new Error(`the authorization server answers ${response.status}`);
  },
};

const url = new URL(process.argv[2]);
let transport, client;

async function connect() {
  transport = new StreamableHTTPClientTransport(url, { authProvider: provider });
  client = new Client({ name: "interop", version: "1" });
  await client.connect(transport);
}

// withLogin does something again after the user has logged in.
async function withLogin(what) {
  try {
    return await what();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await transport.finishAuth(code);
    return what();
  }
}

await withLogin(connect);
const { tools } = await client.listTools();
for (const { name } of tools) {
  const { content } = await withLogin(() => client.callTool({ name, arguments: {} }));
  console.log(`${name}: ${JSON.stringify(content)}`);
}
await client.close();
