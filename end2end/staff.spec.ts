// The owner's pages: set-up, sign-in, bookings; with JavaScript on and off.

import type { Page } from "@playwright/test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { axe, expect, screenshot, test } from "./support/fixtures";
import { bookLate, owner, signIn } from "./support/staff";

const root = resolve(import.meta.dirname, "..");
/** What Chromium writes when a page answers with a refusal. */
const refusal = /status of 4(01|22)/;

/** A server of its own, with nothing in it, for as long as `use` takes. */
async function withEmptyServer(use: (url: string) => Promise<void>): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "meridian-e2e-empty-"));
  const address = `127.0.0.1:${await freePort()}`;
  const server = spawn(process.env.MERIDIAN_BIN ?? join(root, "target/meridian"), ["serve"], {
    cwd: data,
    stdio: "ignore",
    env: {
      PATH: process.env.PATH,
      HOME: data,
      MERIDIAN_DATA_DIR: data,
      MERIDIAN_LISTEN: address,
      MERIDIAN_SITE_DIR: process.env.MERIDIAN_SITE_DIR ?? join(root, "target/site"),
    },
  });
  const ended = new Promise<void>((done) => server.once("close", () => done()));
  try {
    const ready = () => fetch(`http://${address}/readyz`).then((answer) => answer.ok, () => false);
    for (let tries = 0; !(await ready()); tries++) {
      if (tries > 100 || server.exitCode !== null) throw new Error("the empty server does not start");
      await sleep(100);
    }
    await use(`http://${address}`);
  } finally {
    server.kill("SIGTERM");
    await ended;
    rmSync(data, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => done(port));
    });
  });
}

/** An address that finds one booking. */
const newcomer = () => `staff-${crypto.randomUUID()}@example.org`;

/** The booking of an invitee, on whichever page of the list it stands. */
async function find(page: Page, email: string) {
  const entry = page.getByRole("listitem").filter({ has: page.locator("details"), hasText: email });
  const later = page.getByRole("link", { name: "Later bookings" });
  while ((await page.getByText(email).count()) === 0 && (await later.count()) > 0) await later.click();
  return entry;
}

const hydrated = (page: Page) => expect(page.getByRole("button", { name: /^Copy/ }).first()).toBeVisible();

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });
    // Without JavaScript Chromium preloads the scripts all the same, and then refuses them.
    test.beforeEach(({ errors }) => !javaScriptEnabled && errors.allow(/^request: csp GET .*\.js$/));

    test("set-up ends on the live booking page", async ({ page, errors, server }) => {
      test.skip(server === "postgres", "the empty server runs on SQLite");
      // A server starts, hashes passwords, and stops; axe looks at three pages.
      test.slow();
      errors.allow(refusal);
      await withEmptyServer(async (url) => {
        await page.goto(`${url}/sign-in`);
        await page.getByRole("link", { name: "Set it up" }).click();
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Set up your booking page");
        await expect(page.getByLabel("Time zone")).toHaveValue(javaScriptEnabled ? "Europe/Berlin" : /\w/);
        await axe(page);

        await page.getByLabel("Name of your business").fill("Köln Repairs");
        if (javaScriptEnabled) {
          await expect(page.getByText("/book/koln-repairs")).toBeVisible();
        }
        await page.getByLabel("Address of your booking page").fill("Köln!");
        await page.getByLabel("Your name").fill("Ada \"<b>\" Sommer");
        await page.getByLabel("E-mail address").fill("ada@example.org");
        await page.getByLabel("Password").fill("a long enough one");
        await page.getByLabel("Time zone").selectOption("America/New_York");
        await page.getByLabel("Wednesday").uncheck();
        await page.getByRole("button", { name: "Create the booking page" }).click();

        // Refused: all is kept but the password, and the sentence belongs to its field.
        await expect(page).toHaveTitle(/^Error: Set up/);
        const slug = page.getByLabel("Address of your booking page");
        await expect(slug).toHaveAttribute("aria-invalid", "true");
        await expect(slug).toHaveAccessibleDescription(/letters/);
        await expect(slug).toHaveValue("Köln!");
        await expect(page.getByLabel("Your name")).toHaveValue("Ada \"<b>\" Sommer");
        await expect(page.getByLabel("Password")).toHaveValue("");
        await expect(page.getByLabel("Time zone")).toHaveValue("America/New_York");
        await expect(page.getByLabel("Wednesday")).not.toBeChecked();
        await expect(page.getByLabel("Thursday")).toBeChecked();
        if (javaScriptEnabled) await expect(page.getByRole("alert")).toBeFocused();
        await axe(page);
        await page.getByRole("alert").getByRole("link").click();
        await expect(slug).toBeFocused();

        await slug.fill("koeln");
        await page.getByLabel("Password").fill("a long enough one");
        await page.getByRole("button", { name: "Create the booking page" }).click();
        await expect(page).toHaveURL(`${url}/book/koeln/30-minute-meeting`);
        await expect(page.getByRole("heading", { level: 1 })).toContainText("30-minute meeting");

        // Signed in, with a link to share; and nobody sets it up again.
        await page.goto(`${url}/booking`);
        await expect(page.getByText("Nothing is booked yet")).toBeVisible();
        await expect(page.getByText("America/New York")).toBeVisible();
        await page.getByRole("link", { name: "Open 30-minute meeting" }).click();
        await expect(page).toHaveURL(`${url}/book/koeln/30-minute-meeting`);
        await page.goto(`${url}/setup`);
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("This server is set up");
        await axe(page);
      });
    });

    test("a wrong password is refused, the right one leads on", async ({ page, errors }) => {
      errors.allow(refusal);
      await page.goto("/booking");
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Please sign in");
      await axe(page);
      await page.getByRole("link", { name: "Sign in" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
      await axe(page);
      await page.getByLabel("E-mail address").fill(owner.email);
      await page.getByLabel("Password").fill("not the password");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByRole("alert")).toContainText("e-mail address or the password is wrong");
      await expect(page.getByLabel("E-mail address")).toHaveValue(owner.email);
      await expect(page.getByLabel("Password")).toHaveValue("");
      await axe(page);
      await page.getByLabel("Password").fill(owner.password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page).toHaveURL(/\/booking$/);
      await expect(page.getByText("Signed in as Ada Sommer")).toBeVisible();
    });

    test("a booking is cancelled with a reason, once", async ({ page, request, errors }) => {
      errors.allow(/status of 409/);
      const email = newcomer();
      await bookLate(request, "intro", { name: "Staff Test", email });
      await signIn(page, "/booking");
      await axe(page);
      const entry = await find(page, email);
      await expect(entry).toContainText("Introduction");
      const summary = entry.locator("summary");
      await summary.click();
      await axe(page);

      // Somebody else is faster: the second answer says so, on the same page.
      const cancel = { booking: await entry.locator("[name=booking]").inputValue(), reason: "" };
      const other = await page.request.post("/booking/cancel", { form: cancel, maxRedirects: 0 });
      expect(other.status()).toBe(303);
      await entry.getByLabel("Reason").fill("Ill, sorry");
      await entry.getByRole("button", { name: "Cancel this booking" }).click();
      await expect(page.getByRole("alert")).toContainText("already been cancelled");
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Bookings");
      if (javaScriptEnabled) await hydrated(page);
      await expect(page.getByRole("alert")).toBeVisible();

      const second = newcomer();
      await bookLate(request, "intro", { name: "Staff Test", email: second });
      await page.goto("/booking");
      const next = await find(page, second);
      await next.locator("summary").click();
      await next.getByLabel("Reason").fill("Ill, sorry");
      await next.getByRole("button", { name: "Cancel this booking" }).click();
      await expect(page).toHaveURL(/\/booking(\?cancelled=1)?$/);
      await find(page, second);
      await expect(page.getByText(second)).toHaveCount(0);
    });

    test("whichever form is refused, the list is there, and the refusal with it", async ({ page, errors }) => {
      errors.allow(/status of 4\d\d/);
      await signIn(page, "/booking");
      for (const form of ["cancel", "decide", "rsvp", "no-show", "flag"]) {
        await page.goto("/booking");
        await page.locator("form").first().evaluate((given, action) => {
          const made = document.createElement("form");
          Object.assign(made, { method: "post", action });
          made.append(...["booking", "flag", "seat", "answer", "decision"].map((name) => Object.assign(document.createElement("input"), { name, value: "yes" })));
          given.after(made);
          made.submit();
        }, `/booking/${form}`);
        await expect(page).toHaveURL(new RegExp(`/booking/${form}$`));
        if (javaScriptEnabled) await hydrated(page);
        await expect(page.getByRole("alert")).toBeVisible();
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Bookings");
        await expect(page.getByText("Studio Meridian", { exact: true })).toBeVisible();
        await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
      }
    });

    test("signing out ends the session", async ({ page, errors }) => {
      errors.allow(refusal);
      await signIn(page, "/booking");
      const [session] = (await page.context().cookies()).filter(({ name }) => name.endsWith("session"));
      expect(session).toMatchObject({ httpOnly: true, sameSite: "Lax" });
      await page.getByRole("button", { name: "Sign out" }).click();
      await expect(page).toHaveURL(/\/sign-in$/);
      // The cookie is worth nothing any more, even to someone who kept it.
      if (session) await page.context().addCookies([session]);
      await page.goto("/booking");
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Please sign in");
    });
  });
}

test("the way through with the keyboard alone", async ({ page, request, isMobile }) => {
  test.skip(isMobile, "there is no keyboard");
  const email = newcomer();
  await bookLate(request, "intro", { name: "Staff Test", email });
  const press = async (key: string, until: () => Promise<boolean>) => {
    for (let tries = 0; !(await until()); tries++) {
      if (tries > 400) throw new Error(`${key} leads nowhere`);
      await page.keyboard.press(key);
    }
  };
  const onto = (selector: string) =>
    press("Tab", () => page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector));
  await page.goto("/sign-in?next=/booking");
  await onto("#email");
  await page.keyboard.type(owner.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(owner.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Bookings" })).toBeVisible();
  const entry = await find(page, email);
  const booking = await entry.locator("[name=booking]").inputValue();
  await onto(`details:has([value="${booking}"]) summary`);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/booking(\?cancelled=1)?$/);
  await find(page, email);
  await expect(page.getByText(email)).toHaveCount(0);
});

test("a link is copied, and that is said", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await signIn(page, "/booking");
  await page.getByRole("button", { name: "Copy link to Introduction" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Copied the link to Introduction." })).toBeAttached();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/\/book\/demo\/intro$/);
});

test("how the pages look", async ({ page }) => {
  await page.goto("/sign-in");
  await screenshot(page, "sign-in");
  await signIn(page, "/booking");
  await hydrated(page);
  await screenshot(page, "bookings");
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await axe(page);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(wide, "sideways scrolling").toBeLessThanOrEqual(0);
});
