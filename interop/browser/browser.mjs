// Drives Chromium through the application of main.go, and prints a line for each scenario:
// PASS name, or FAIL name with the reason below it. The arguments are the command of the
// application, and where screenshots go, if somebody wants to look at them.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as https from "node:https";
import { chromium } from "playwright-core";

const [program, description, pictures] = process.argv.slice(2);
const app = spawn(program, description ? [description] : [], { stdio: ["pipe", "pipe", "pipe"] });
let log = "";
app.stderr.on("data", (d) => (log += d));
const at = JSON.parse(await new Promise((ready, failed) => {
  createInterface(app.stdout).once("line", ready);
  app.once("exit", () => failed(new Error("the application has ended: " + log)));
}));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--host-resolver-rules=MAP app.test 127.0.0.1, MAP op.test 127.0.0.1",
  ],
});

// control asks the application for something that no browser does.
const control = (method, path) => new Promise((done, failed) => {
  const r = https.request(at.control + path, { method, rejectUnauthorized: false }, (resp) => {
    let body = "";
    resp.on("data", (d) => (body += d)).on("end", () => done(body));
  });
  r.on("error", failed).end();
});

function want(what, ok) {
  if (!ok) throw new Error(what);
}

const widths = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
let size = widths.desktop;
let current = "";

async function fresh() {
  return browser.newContext({ ignoreHTTPSErrors: true, viewport: size });
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}-${size.width}.png`, fullPage: true });
}

const heading = (page) => page.locator("h1").innerText();

// logIn goes from the page that the tab shows through a provider, as alice.
async function logIn(page, provider = "embedded", path = "/") {
  await page.goto(`${at.app}/auth/login?provider=${provider}&return_to=${encodeURIComponent(path)}`);
  if (provider !== "certified" && page.url().startsWith(at.op)) await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(`${at.app}${path}`);
}

const scenarios = {
  "log in, profile, refresh, log out": async (page) => {
    await page.goto(at.app + "/");
    want("nobody is logged in", (await heading(page)) === "Nobody is logged in");
    await page.getByRole("link", { name: "Log in" }).click();
    await picture(page, "choose");
    want("the user chooses", (await heading(page)) === "Log in");
    want("the page fits", await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
    await page.getByRole("link", { name: "(embedded)" }).click();
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(at.app + "/");
    want("alice is logged in", (await heading(page)) === "Hello alice");
    await page.getByRole("link", { name: "Profile" }).click();
    const token = await page.locator("#token").innerText();
    await page.reload();
    want("the token is kept", (await page.locator("#token").innerText()) === token);
    await control("POST", "/control/wait?for=6m");
    await page.reload();
    want("the token is refreshed", (await page.locator("#token").innerText()) !== token);
    await page.goto(at.app + "/");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL(at.app + "/");
    want("nobody is logged in after it", (await heading(page)) === "Nobody is logged in");
    const cookies = await page.context().cookies(at.app);
    want("no cookie is left: " + cookies.map((c) => c.name), cookies.length === 0);
  },
  "a page that needs a login, and its query": async (page) => {
    await page.goto(at.app + "/orders?a=b&c=%2F");
    await page.getByRole("link", { name: "(embedded)" }).click();
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(at.app + "/orders?a=b&c=%2F");
    want("it is shown", (await page.locator("#path").innerText()) === "/orders?a=b&c=%2F");
  },
  "form_post across sites": async (page) => {
    await logIn(page, "post");
    want("alice is logged in", (await heading(page)) === "Hello alice" && (await page.locator("#provider").innerText()) === "post");
  },
  "two tabs at once": async (page, context) => {
    const other = await context.newPage();
    await page.goto(`${at.app}/auth/login?provider=embedded&return_to=/profile`);
    await other.goto(`${at.app}/auth/login?provider=embedded&return_to=/orders`);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(at.app + "/profile");
    await other.getByRole("button", { name: "Log in" }).click();
    await other.waitForURL(at.app + "/orders");
    await page.reload();
    want("both are logged in", (await heading(page)) === "Profile of alice" && (await heading(other)) === "Profile of alice");
  },
  "the back button": async (page) => {
    await page.goto(at.app + "/");
    await logIn(page);
    await page.goto(at.app + "/profile");
    await page.goBack();
    want("the application", (await heading(page)) === "Hello alice");
    await page.goBack();
    await page.goBack().catch(() => {});
    await page.goto(at.app + "/");
    want("alice is still logged in", (await heading(page)) === "Hello alice");
  },
  "a callback that is opened again": async (page) => {
    let callback;
    page.on("request", (r) => { if (r.url().startsWith(at.app + "/auth/callback")) callback = r.url(); });
    await logIn(page);
    await page.goto(callback);
    want("the application", page.url() === at.app + "/" && (await heading(page)) === "Hello alice");
  },
  "a callback in another browser": async (page) => {
    let callback;
    page.on("request", (r) => { if (r.url().startsWith(at.app + "/auth/callback")) callback = r.url(); });
    await logIn(page);
    const other = await (await fresh()).newPage();
    await other.goto(callback);
    await picture(other, "not-here");
    want("it says so", (await heading(other)) === "This login was not started here");
    await other.goto(at.app + "/");
    want("nobody is logged in", (await heading(other)) === "Nobody is logged in");
    await other.context().close();
  },
  "a login that took too long": async (page) => {
    await page.goto(`${at.app}/auth/login?provider=embedded`);
    await control("POST", "/control/wait?for=11m");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(at.app + "/auth/callback/**");
    want("it says so", (await heading(page)) === "The login took too long");
    await page.getByRole("link", { name: "Log in" }).click();
    await page.getByRole("link", { name: "(embedded)" }).click();
    if (page.url().startsWith(at.op)) await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(at.app + "/");
    want("the second login", (await heading(page)) === "Hello alice");
  },
  "a session that has expired": async (page) => {
    await logIn(page);
    await control("POST", "/control/wait?for=61m");
    await page.goto(at.app + "/");
    want("nobody is logged in", (await heading(page)) === "Nobody is logged in");
    await page.goto(at.app + "/profile");
    want("the user chooses", (await heading(page)) === "Log in");
  },
  "a back-channel logout while a tab is open": async (page) => {
    await logIn(page, "embedded", "/profile");
    want("the server is answered", (await control("POST", "/control/logout")).includes("200"));
    const status = await page.evaluate(() => fetch("/profile").then((r) => r.status));
    want("a script is told: " + status, status === 401);
    await page.reload();
    want("the user chooses", (await heading(page)) === "Log in");
  },
  "another site posts the logout": async (page) => {
    await logIn(page);
    await page.goto(at.op + "/nothing-here");
    await page.setContent(`<form method="post" action="${at.app}/auth/logout"><button>Win</button></form>`);
    await page.getByRole("button", { name: "Win" }).click();
    await page.waitForURL(at.app + "/auth/logout");
    await picture(page, "other-site");
    want("it is refused", (await heading(page)) === "You are still logged in");
    await page.goto(at.app + "/");
    want("alice is logged in", (await heading(page)) === "Hello alice");
  },
  "pages that load the login as an image or in a frame": async (page, context) => {
    await page.goto(at.op + "/nothing-here");
    await page.setContent(`<img src="${at.app}/auth/login?provider=embedded"><iframe src="${at.app}/auth/login?provider=embedded"></iframe>`);
    await page.waitForTimeout(500);
    const cookies = await context.cookies(at.app);
    want("no login began: " + cookies.map((c) => c.name), cookies.length === 0);
  },
  "the pages are readable in the dark": async (page) => {
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(at.app + "/auth/callback/embedded?state=x&code=y");
    await picture(page, "dark");
    const [text, back] = await page.evaluate(() => {
      const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
      return [of("color"), getComputedStyle(document.body).colorScheme || of("color-scheme")];
    });
    want(`light text: ${text}, ${back}`, text === "rgb(255, 255, 255)");
  },
};

if (description) {
  scenarios["log in and log out at the certified server"] = async (page) => {
    await logIn(page, "certified");
    want("alice is logged in", (await heading(page)) === "Hello alice" && (await page.locator("#provider").innerText()) === "certified");
    await page.goto(at.app + "/profile");
    want("there is a token", (await page.locator("#token").innerText()).length > 10);
    await page.goto(at.app + "/");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForLoadState();
    const yes = page.locator("button[value=yes], button[name=logout]");
    if (await yes.count()) await yes.first().click();
    await page.goto(at.app + "/");
    want("nobody is logged in", (await heading(page)) === "Nobody is logged in");
  };
  scenarios["consent that is denied at the certified server"] = async (page) => {
    const { issuers } = JSON.parse((await import("node:fs")).readFileSync(description));
    await page.goto(`${at.app}/auth/initiate/certified?iss=${encodeURIComponent(issuers.tls)}&login_hint=deny`);
    await page.waitForURL(at.app + "/auth/callback/**");
    await picture(page, "denied");
    want("it says so", (await heading(page)) === "You did not give access");
  };
}

let failed = 0, passed = 0;
for (const [device, s] of Object.entries(widths)) {
  size = s;
  for (const [name, run] of Object.entries(scenarios)) {
    current = `${name} (${device})`;
    const context = await fresh();
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      await run(page, context);
      console.log("PASS " + current);
      passed++;
    } catch (e) {
      failed++;
      console.log("FAIL " + current + "\n    " + String(e.stack ?? e).split("\n").slice(0, 6).join("\n    "));
    }
    await context.close();
  }
}
await browser.close();
app.stdin.end();
console.log(`${passed} passed, ${failed} failed`);
if (failed && process.env.DEBUG_HTTP) console.error(log);
process.exit(failed ? 1 : 0);
