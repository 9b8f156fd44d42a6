// A strict OAuth server that nobody here wrote (oidc-provider), with one client, whose only person agrees at once.
//
// Usage: node oidc.mjs REDIRECT_URI. The first line of output is the port (127.0.0.1). It ends with its standard input, so
// that it never outlives the test. Client: `meridian`, secret `hunter2`, in the body. PKCE with S256 is required, codes and
// refresh tokens work once, and what comes twice takes the whole grant with it.

import { createServer } from "node:http";
import Provider from "oidc-provider";

const [redirect] = process.argv.slice(2);
const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const { port } = server.address();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "meridian",
      client_secret: "hunter2",
      redirect_uris: [redirect],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  cookies: { keys: ["for tests"] },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/agree/${interaction.uid}` },
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: ["openid", "offline_access", "calendar"],
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, Interaction: 60, RefreshToken: 3600, Session: 3600 },
});

/** Signs the one person in, and lets them agree to whatever is asked. */
async function agree(request, response) {
  const { params, session } = await provider.interactionDetails(request, response);
  const accountId = session?.accountId ?? "ada";
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result);
}

const serve = provider.callback();
server.on("request", (request, response) => {
  const answered = request.url.startsWith("/agree/") ? agree(request, response) : serve(request, response);
  Promise.resolve(answered).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    response.writeHead(500).end();
  });
});

process.stdout.write(`${port}\n`);
process.stdin.resume().on("end", () => process.exit(0));
