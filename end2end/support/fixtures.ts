// What every browser test uses instead of Playwright's own `test`: a server, and no tolerance for errors.

import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";
import { join, resolve } from "node:path";
import { addressVariable, type ServerName } from "./servers";

export { expect };

/** Contexts in which scripts do not run. */
const scriptless = new WeakSet<BrowserContext>();

const screenshots = resolve(import.meta.dirname, "../screenshots");

export interface ServerOption {
  /** Which of the two servers a project talks to. */
  server: ServerName;
}

export interface Errors {
  /** Names an error that this test provokes on purpose, for instance /409/. */
  allow(pattern: RegExp): void;
  /** Also watches a context that the test opened itself; the test's own is watched already. */
  watch(context: BrowserContext): void;
}

export const test = base.extend<ServerOption & { errors: Errors }>({
  server: ["sqlite", { option: true }],

  baseURL: async ({ server }, use) => {
    const url = process.env[addressVariable(server)];
    if (!url) throw new Error(`No ${server} server: run the tests with \`make e2e\``);
    await use(url);
  },

  // Any console error, uncaught exception, failed request or 5xx of our own fails the test.
  errors: [
    async ({ context, baseURL, javaScriptEnabled }, use) => {
      if (!javaScriptEnabled) scriptless.add(context);
      const allowed: RegExp[] = [];
      const seen: string[] = [];
      const ours = (url: string) => baseURL !== undefined && url.startsWith(`${baseURL}/`);
      const watch = (watched: BrowserContext) => {
        watched.on("console", (message) => {
          if (message.type() === "error") seen.push(`console: ${message.text()} (${message.location().url})`);
        });
        watched.on("weberror", (error) => seen.push(`exception: ${error.error().stack ?? error.error().message}`));
        watched.on("response", (response) => {
          if (response.status() >= 500 && ours(response.url())) {
            seen.push(`answer: ${response.status()} ${response.request().method()} ${response.url()}`);
          }
        });
        watched.on("requestfailed", (request) => {
          const reason = request.failure()?.errorText ?? "unknown";
          // The browser gives a request up when the person leaves the page.
          if (ours(request.url()) && reason !== "net::ERR_ABORTED") {
            seen.push(`request: ${reason} ${request.method()} ${request.url()}`);
          }
        });
      };
      watch(context);
      await use({ allow: (pattern) => void allowed.push(pattern), watch });
      const unexpected = seen.filter((line) => !allowed.some((pattern) => pattern.test(line)));
      expect(unexpected, "errors in the browser").toEqual([]);
    },
    { auto: true },
  ],
});

/** Fails on anything that axe finds on the page as it is now: all that it knows, or these rules. */
export async function axe(page: Page, rules?: string[]): Promise<void> {
  const twin = scriptless.has(page.context()) ? await twinWithScripts(page) : undefined;
  // In the page itself: what the other mode opens a second page for are frames of other origins, and there are none.
  const builder = new AxeBuilder({ page: twin ?? page }).setLegacyMode();
  const { violations } = await (
    rules
      ? builder.withRules(rules)
      : builder.withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
  ).analyze();
  await twin?.context().close();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${node.html}`),
  );
  expect(found, `axe on ${page.url()}`).toEqual([]);
}

/** axe is a script itself: where none run, it looks at the same document in a page where its own may. */
async function twinWithScripts(page: Page): Promise<Page> {
  const debug = await page.context().newCDPSession(page);
  const { root } = await debug.send("DOM.getDocument", { depth: 0 });
  const { outerHTML } = await debug.send("DOM.getOuterHTML", { nodeId: root.nodeId });
  await debug.detach();
  const body = outerHTML.replace(/<script\b[^>]*>[\s\S]*?<\/script>/gi, "").replace(/<\/?noscript>/gi, "");
  const browser = page.context().browser();
  if (!browser) throw new Error("no browser to open a second page in");
  // In the colours that the page has at the moment.
  const dark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
  const context = await browser.newContext({
    javaScriptEnabled: true,
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    viewport: page.viewportSize(),
    storageState: await page.context().storageState(),
  });
  const twin = await context.newPage();
  const url = page.url();
  await twin.route(
    (requested) => requested.href === url,
    (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body }),
  );
  await twin.goto(url);
  return twin;
}

/** Takes the whole page in both themes: end2end/screenshots/<name>-<project>-<light|dark>.png */
export async function screenshot(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({
      path: join(screenshots, `${name}-${test.info().project.name}-${colorScheme}.png`),
      fullPage: true,
      animations: "disabled",
    });
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

/** Accessible and beautiful in both themes. */
export async function inspect(page: Page, name: string): Promise<void> {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await axe(page);
  // The same document in other colours: only what depends on them can differ.
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await axe(page, ["color-contrast"]);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await screenshot(page, name);
}
