// Calendars elsewhere: a member subscribes to a feed, chooses what it is for, uploads a file and lets both go; an admin sets
// a provider up. The pages have no scripts of their own.

import type { Page } from "@playwright/test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { axe, expect, inspect, test } from "./support/fixtures";
import { fits, owner, signIn } from "./support/staff";

/** What Chromium writes when a page answers with a refusal. */
const refusal = /status of (413|422)/;

/** A calendar with one event, far ahead, under a name that no other run uses. */
function calendar(name: string): string {
  return [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Meridian//e2e//EN",
    `X-WR-CALNAME:${name}`,
    "BEGIN:VEVENT",
    `UID:${name}@example.org`,
    "DTSTAMP:20260101T000000Z",
    "DTSTART:20400101T100000Z",
    "DTEND:20400101T110000Z",
    "SUMMARY:Lesson",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");
}

/** A feed at an address of its own, for as long as `use` takes. */
async function withFeed(name: string, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/calendar; charset=utf-8" }).end(calendar(name));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}.ics`);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

async function disconnect(page: Page): Promise<void> {
  await page.getByText("Disconnect this account").click();
  await expect(page.getByText("Everything that is known of it here is forgotten")).toBeVisible();
  await page.getByRole("button", { name: "Disconnect", exact: true }).click();
  await expect(page.getByRole("status")).toHaveText(/^Disconnected\./);
}

test("a feed is subscribed to, chosen for, and let go", async ({ page, errors }) => {
  // axe looks at four pages.
  test.slow();
  errors.allow(refusal);
  const name = `lessons-${crypto.randomUUID()}`;
  await withFeed(name, async (url) => {
    await signIn(page, "/booking/calendars");
    await expect(page.getByRole("heading", { level: 1, name: "Calendars" })).toBeVisible();
    const menu = page.getByRole("navigation", { name: "Workspace" });
    await expect(menu.getByRole("link", { name: "Calendars" })).toHaveAttribute("aria-current", "page");
    await inspect(page, "calendars");
    await fits(page);

    // Refused: what was entered stays, and the sentence belongs to its field.
    const feed = page.getByLabel("Address of a feed");
    await feed.fill("https://169.254.169.254/secret.ics");
    await feed.press("Enter");
    await expect(page).toHaveTitle(/^Error: Calendars/);
    await expect(feed).toHaveAccessibleDescription(/private network/);
    await expect(feed).toHaveValue("https://169.254.169.254/secret.ics");
    await axe(page);
    await page.getByRole("alert").getByRole("link").press("Enter");
    await expect(feed).toBeFocused();

    await feed.fill(url);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("status")).toHaveText(/^Connected\./);
    await expect(page.getByRole("heading", { level: 1 })).toContainText(name);
    await expect(page.getByText("can only be read")).toBeVisible();
    await inspect(page, "calendar-account");
    await fits(page);

    // Its settings, with the keyboard alone.
    const settings = page.locator("summary", { hasText: "Settings" });
    await settings.focus();
    await page.keyboard.press("Enter");
    const tentative = page.getByRole("checkbox", { name: /^Count tentative events/ });
    await expect(tentative).toBeChecked();
    await tentative.focus();
    await page.keyboard.press("Space");
    await axe(page);
    const save = page.getByRole("button", { name: /^Save/ });
    await save.focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("status")).toHaveText("Saved.");
    await settings.click();
    await expect(tentative).not.toBeChecked();

    await page.getByRole("button", { name: /^Don't count as busy/ }).click();
    await expect(page.getByRole("status")).toHaveText("Its events don't count as busy any more.");
    await page.getByRole("button", { name: /^Count as busy/ }).click();
    await expect(page.getByRole("status")).toHaveText("Its events count as busy from now on.");

    // It is read by itself; the page says when that has happened.
    await expect(async () => {
      await page.reload();
      await expect(page.getByText("In step")).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 30_000 });
    await page.getByRole("button", { name: "Sync now" }).click();
    await expect(page.getByRole("status")).toHaveText(/being looked at now/);

    await page.getByRole("link", { name: "All calendars" }).click();
    const card = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: new RegExp(name) }) });
    await expect(card).toContainText("In step");
    await inspect(page, "calendars-connected");
    await fits(page);
    // What is done on the list is said on the list, at the account.
    await card.getByRole("button", { name: "Sync now" }).press("Enter");
    await expect(page).toHaveURL(/\/booking\/calendars\?done=sync/);
    await expect(card.getByRole("status")).toHaveText(/^It is being looked at now\./);
    await card.getByRole("link", { name: "Look how it went" }).press("Enter");
    await expect(page.getByRole("status")).toHaveCount(0);
    await expect(card).toContainText("Last success");
    await card.getByRole("link", { name: /^Settings, log, disconnect/ }).click();
    await disconnect(page);
    await expect(page.getByRole("heading", { name: new RegExp(name) })).toHaveCount(0);
  });
});

test("a feed that has another address stays the same account", async ({ page, errors }) => {
  errors.allow(refusal);
  const [former, now] = [`former-${crypto.randomUUID()}`, `now-${crypto.randomUUID()}`];
  await withFeed(former, async (url) => {
    await signIn(page, "/booking/calendars");
    await page.getByLabel("Address of a feed").fill(url);
    await page.getByRole("button", { name: "Subscribe" }).click();
  });
  await page.getByRole("button", { name: /^Don't count as busy/ }).click();
  await withFeed(now, async (url) => {
    // With the keyboard alone.
    await page.locator("summary", { hasText: "Connect it again" }).press("Enter");
    const address = page.getByLabel("Its address now");
    await address.fill("https://169.254.169.254/secret.ics");
    await address.press("Enter");
    await expect(page).toHaveTitle(new RegExp(`^Error: ${former}`));
    await expect(address).toHaveAccessibleDescription(/private network/);
    await axe(page);
    await fits(page);
    await page.getByRole("alert").getByRole("link").press("Enter");
    await expect(address).toBeFocused();
    await address.fill(url);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("status")).toHaveText(/^Connected again\./);
    await expect(page.getByRole("heading", { level: 1 })).toContainText(now);
    await expect(page.getByRole("button", { name: /^Count as busy/ })).toBeVisible();
    await disconnect(page);
  });
});

test("a calendar file is uploaded", async ({ page, errors }) => {
  errors.allow(refusal);
  const name = `file-${crypto.randomUUID()}`;
  await signIn(page, "/booking/calendars");
  const file = page.getByLabel("A calendar file");
  await file.setInputFiles({ name: "page.ics", mimeType: "text/calendar", buffer: Buffer.from("<html>hello</html>") });
  await page.getByRole("button", { name: "Upload" }).click();
  await expect(page).toHaveTitle(/^Error: Calendars/);
  await expect(file).toHaveAttribute("aria-invalid", "true");
  await axe(page);
  const large = Buffer.alloc(11 * 1024 * 1024, " ");
  await file.setInputFiles({ name: "large.ics", mimeType: "text/calendar", buffer: large });
  await page.getByRole("button", { name: "Upload" }).click();
  await expect(file).toHaveAccessibleDescription(/larger than 10 MB/);
  await file.setInputFiles({ name: `${name}.ics`, mimeType: "text/calendar", buffer: Buffer.from(calendar(name)) });
  await page.getByRole("button", { name: "Upload" }).click();
  await expect(page.getByRole("status")).toHaveText(/^Connected\./);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`${name}.ics`);
  await disconnect(page);
});

test("an admin sets a provider up, and nobody sees its secret again", async ({ page, errors }) => {
  errors.allow(refusal);
  const secret = `secret-${crypto.randomUUID()}`;
  await signIn(page, "/booking/calendars");
  await page.getByRole("link", { name: "Providers", exact: true }).last().click();
  await expect(page.getByRole("heading", { level: 1, name: "Calendar providers" })).toBeVisible();
  await inspect(page, "calendar-providers");
  await fits(page);
  const google = page.getByRole("region", { name: "Google Calendar" });
  await expect(google).toContainText("/api/v1/booking/calendars/callback/google");
  const id = google.getByLabel("Client id");
  await id.fill("two words");
  await google.getByLabel("Client secret").fill(secret);
  await google.getByRole("button", { name: /^Save/ }).click();
  await expect(page).toHaveTitle(/^Error: Calendar providers/);
  await expect(id).toHaveAccessibleDescription(/can't contain spaces/);
  await expect(id).toHaveValue("two words");
  expect(await page.content()).not.toContain(secret);
  await axe(page);
  await id.fill("end2end.apps.example");
  await google.getByLabel("Client secret").fill(secret);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toHaveText(/^Saved\./);
  await expect(google).toContainText("Set up");
  expect(await page.content()).not.toContain(secret);
  await page.getByRole("link", { name: "All calendars" }).click();
  await expect(page.getByRole("button", { name: "Connect Google Calendar" })).toBeVisible();
});

test("who may not set providers up is told so, and led on", async ({ page, errors }) => {
  errors.allow(/status of 403/);
  await page.goto("/sign-in?next=/booking/calendars");
  await page.getByLabel("E-mail address").fill("ben@demo.example");
  await page.getByLabel("Password").fill(owner.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Calendars" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Providers", exact: true })).toHaveCount(0);
  await expect(page.getByText("Accounts of all members")).toHaveCount(0);
  await page.goto("/booking/calendars/providers");
  await expect(page.getByRole("heading", { level: 1, name: "Not allowed" })).toBeVisible();
  await inspect(page, "calendar-providers-refused");
  await page.getByRole("link", { name: "Go to your bookings" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Bookings" })).toBeVisible();
});

test.describe("with scripts off", () => {
  test.use({ javaScriptEnabled: false });
  // Scripts that the page of sign-in names, and that are not asked for.
  test.beforeEach(({ errors }) => errors.allow(/^request: csp GET .*\.js$/));

  test("a feed is subscribed to, chosen for, and let go", async ({ page, errors }) => {
    errors.allow(refusal);
    const name = `plain-${crypto.randomUUID()}`;
    await withFeed(name, async (url) => {
      await signIn(page, "/booking/calendars");
      const feed = page.getByLabel("Address of a feed");
      await feed.fill("nonsense here");
      await feed.press("Enter");
      await expect(page).toHaveTitle(/^Error: Calendars/);
      await axe(page);
      await feed.fill(url);
      await feed.press("Enter");
      await expect(page.getByRole("status")).toHaveText(/^Connected\./);
      await page.getByRole("link", { name: "All calendars" }).press("Enter");
      const card = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: new RegExp(name) }) });
      await card.getByRole("button", { name: /^Don't count as busy/ }).press("Enter");
      await expect(card.getByRole("status")).toHaveText("Its events don't count as busy any more.");
      await card.getByRole("link", { name: /^Settings, log, disconnect/ }).press("Enter");
      await disconnect(page);
    });
  });
});
