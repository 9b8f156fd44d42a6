// What the tests of the booking page share.

import type { APIRequestContext, Page } from "@playwright/test";
import { expect, inspect, test } from "./fixtures";

/** What Chromium writes when a server function refuses. */
export const refusal = /status of 4\d\d/;

export const hostile = `</textarea><script>document.title = "pwned"</script><b>"&amp;'`;

/** Each test books on a day of its own, in each project that shares a server: no test is in another's way. */
export function ownDay(test_: number): string {
  const lane = test.info().project.name === "phone" ? 1 : 0;
  const date = new Date();
  date.setUTCDate(date.getUTCDate() + 7);
  for (let left = test_ * 2 + lane + 1; left > 0; ) {
    date.setUTCDate(date.getUTCDate() + 1);
    if (date.getUTCDay() % 6 !== 0) left--;
  }
  return date.toISOString().slice(0, 10);
}

/** The starts on offer on a day, in epoch minutes. */
export async function starts(request: APIRequestContext, service: string, day: string, length?: number): Promise<number[]> {
  const next = new Date(Date.parse(day) + 24 * 3600_000).toISOString().slice(0, 10);
  const query = `from=${day}&to=${next}&tz=Europe/Berlin${length ? `&duration=${length}` : ""}`;
  const answer = await request.get(`/api/v1/public/book/demo/${service}/slots?${query}`);
  expect(answer.status()).toBe(200);
  const body = JSON.stringify(await answer.json());
  const found = [...body.matchAll(/"(\d{4}-\d\d-\d\dT[\d:]+(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"/g)];
  const inside = found.map(([, instant]) => Date.parse(instant ?? "") / 60_000);
  return inside.filter((start) => clock(start, "Europe/Berlin", "date") === day);
}

/** What a clock in that zone shows. */
export function clock(start: number, timeZone: string, part: "time" | "date"): string {
  const instant = new Date(start * 60_000);
  return part === "time"
    ? new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(instant)
    : new Intl.DateTimeFormat("sv-SE", { timeZone }).format(instant);
}

/** "UTC+1": how far that zone's clock is from UTC at noon of a day. */
export function offset(timeZone: string, day: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone, timeZoneName: "shortOffset" }).formatToParts(new Date(`${day}T12:00Z`));
  return (parts.find(({ type }) => type === "timeZoneName")?.value ?? "").replace("GMT", "UTC");
}

/** "Tuesday 3 March". */
export function spoken(day: string): string {
  const options = { timeZone: "UTC", weekday: "long", day: "numeric", month: "long" } as const;
  return new Intl.DateTimeFormat("en-GB", options).format(new Date(day)).replace(",", "");
}

/** Until the page has come alive: then one day of the grid takes the Tab key, and the others don't. */
export async function alive(page: Page): Promise<void> {
  await expect(page.locator('.day[tabindex="0"]')).toHaveCount(1);
}

export const said = (page: Page) => page.locator('.picker > [role="status"]');
export const times = (page: Page) => page.locator(".time");

/** Chooses a time; with JavaScript it turns into *Confirm* first. */
export async function choose(page: Page, at: number, scripts: boolean): Promise<void> {
  await times(page).nth(at).click();
  if (scripts) await page.getByRole("link", { name: /^Confirm/ }).click();
  await expect(page.getByRole("heading", { name: /Your details|Move it here/ })).toBeVisible();
}

export async function introduce(page: Page, name = "Grace Hopper", email = "grace@example.org"): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail", { exact: true }).fill(email);
}

export const send = (page: Page) => page.locator("button.send").click();

/** Books a time behind the page's back. */
export async function take(request: APIRequestContext, service: string, start: number): Promise<void> {
  const answer = await request.post(`/book/demo/${service}`, {
    form: {
      start: String(start), length: "30", zone: "Europe/Berlin", name: "Faster", email: "faster@example.org",
      phone: "+49 30 999999", form_key: crypto.randomUUID(),
    },
    maxRedirects: 0,
  });
  expect(answer.status()).toBe(303);
}

/** Book, move and cancel, every question answered. */
export async function wholeStory(page: Page, scripts: boolean, days: [string, string], suffix: string): Promise<void> {
  await page.goto(`/book/demo/consultation?day=${days[0]}`);
  if (scripts) await alive(page);
  await expect(page.getByRole("heading", { level: 1, name: "Consultation" })).toBeVisible();
  await expect(page.getByRole("gridcell", { selected: true })).toHaveText(String(Number(days[0].slice(8))));
  await inspect(page, `booking${suffix}`);

  await page.getByRole("link", { name: "30 min" }).click();
  await expect(page.getByRole("link", { name: "30 min" })).toHaveAttribute("aria-current", "true");
  const time = (await times(page).nth(2).textContent())?.trim() ?? "";
  await choose(page, 2, scripts);
  await expect(page.locator(".chosen")).toContainText(`${spoken(days[0]).replace(" ", ", ")} ${days[0].slice(0, 4)}, ${time} – `);
  await expect(page.locator(".chosen")).toContainText(`Europe/Berlin (${offset("Europe/Berlin", days[0])})`);
  await inspect(page, `form${suffix}`);

  // Everything that is wrong is said beside its field, and the first of them has the focus.
  await send(page);
  await expect(page.getByText("Please enter your name.")).toBeVisible();
  await expect(page.getByText("Please tick this box to go on.")).toBeVisible();
  await expect(page.getByLabel("Name")).toBeFocused();
  await expect(page.getByLabel("Name")).toHaveAccessibleDescription(/Please enter your name/);
  await inspect(page, `form-refused${suffix}`);

  await introduce(page, "Grace Hopper");
  await page.getByLabel("What is it about?").fill(hostile);
  await page.getByLabel("What should we know beforehand?").fill(`${hostile}\nsecond line`);
  await page.getByLabel("Your assistant's e-mail address").fill("assistant@example.org");
  await page.getByLabel("A number to reach you on the day").fill("+49 30 123456");
  await page.getByLabel("How many of you will come?").fill("2,5");
  await page.getByLabel("Yes", { exact: true }).check();
  await page.getByLabel("Strategy").check();
  await page.getByLabel("Engineering").check();
  await page.getByLabel("Guests").fill("ada@example.org; bob@example.org");
  await page.getByLabel("Anything else?").fill(hostile);

  // One thing is still missing: all that was entered comes back as it was.
  await send(page);
  await expect(page.getByRole("alert")).toContainText("One field needs your attention.");
  await expect(page.getByText("Please tick this box to go on.")).toBeVisible();
  await expect(page.getByLabel("I have read the house rules")).toBeFocused();
  await expect(page.getByLabel("What should we know beforehand?")).toHaveValue(`${hostile}\nsecond line`);
  await expect(page.getByLabel("Anything else?")).toHaveValue(hostile);
  await expect(page.getByLabel("Yes", { exact: true })).toBeChecked();
  await expect(page.getByLabel("Engineering")).toBeChecked();
  await expect(page.getByLabel("Design")).not.toBeChecked();
  await page.getByLabel("I have read the house rules").check();
  await send(page);

  await expect(page.getByRole("heading", { level: 1, name: "You're booked" })).toBeVisible();
  await expect(page).toHaveTitle(/You're booked/);
  const when = page.locator("dd", { hasText: `Europe/Berlin (${offset("Europe/Berlin", days[0])})` });
  await expect(when).toContainText(`${days[0].slice(0, 4)}, ${time} – `);
  for (const text of ["Ada Sommer", "Lindenstraße 12", "€90.00", "Grace Hopper", "ada@example.org, bob@example.org", "Strategy, Engineering", "2.5"]) {
    await expect(page.getByRole("definition").filter({ hasText: text })).not.toHaveCount(0);
  }
  await expect(page.getByText(hostile).first()).toBeVisible();
  await expect(page.getByText("You can cancel it until 1 day before it starts.")).toBeVisible();
  await expect(page.getByRole("link", { name: /^Google/ })).toHaveAttribute("href", /^https:\/\/calendar\.google\.com\//);
  await expect(page.getByRole("link", { name: /^Outlook/ })).toHaveAttribute("href", /^https:\/\/outlook\.live\.com\//);
  await expect(page.getByRole("link", { name: /^Office/ })).toHaveAttribute("href", /^https:\/\/outlook\.office\.com\//);
  const file = await page.request.get((await page.getByRole("link", { name: /\.ics/ }).getAttribute("href")) ?? "");
  expect(await file.text()).toContain("BEGIN:VEVENT");
  await inspect(page, `booked${suffix}`);

  await page.getByRole("link", { name: "Move", exact: true }).click();
  await expect(page.locator("s")).toContainText(`${days[0].slice(0, 4)}, ${time} – `);
  if (scripts) await alive(page);
  await page.goto(`${page.url()}?day=${days[1]}`);
  if (scripts) await alive(page);
  await inspect(page, `move${suffix}`);
  const later = (await times(page).nth(5).textContent())?.trim() ?? "";
  await choose(page, 5, scripts);
  await inspect(page, `move-confirm${suffix}`);
  await send(page);
  await expect(page.getByRole("heading", { level: 1, name: "Your appointment has moved" })).toBeVisible();
  await expect(page.locator("s")).toContainText(`, ${time} – `);
  await expect(page.locator("dd strong")).toContainText(`, ${later} – `);
  await inspect(page, `moved${suffix}`);

  // Looking at the page for cancelling changes nothing, as often as one likes.
  await page.getByRole("link", { name: "Cancel", exact: true }).click();
  // Once the page is there: its code may still be on the way, and reloading before would be reloading the old one.
  await expect(page.getByRole("heading", { level: 1, name: "Cancel this appointment?" })).toBeVisible();
  await page.reload();
  await page.getByRole("link", { name: "Keep the appointment" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Your appointment" })).toBeVisible();
  await page.getByRole("link", { name: "Cancel", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Cancel this appointment?" })).toBeVisible();
  await inspect(page, `cancel${suffix}`);
  await page.getByLabel("Reason").fill(hostile);
  await send(page);
  await expect(page.getByRole("heading", { level: 1, name: "This appointment is cancelled" })).toBeVisible();
  await expect(page.getByText(hostile).first()).toBeVisible();
  await inspect(page, `cancelled${suffix}`);

  // What has ended can't be changed, and says so.
  const gone = await page.request.get(`${page.url().replace(/\?.*/, "")}/move`);
  expect(gone.status()).toBe(409);
  await expect(page).not.toHaveTitle("pwned");
}
