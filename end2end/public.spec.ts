// What customers see: finding a time, booking it, moving it, cancelling it. With JavaScript on and off, by keyboard,
// far away, across a clock change, and when something goes wrong.

import type { APIRequestContext, Page } from "@playwright/test";
import { axe, expect, screenshot, test } from "./support/fixtures";

/** What Chromium writes when a server function refuses. */
const refusal = /status of 4\d\d/;

const hostile = `</textarea><script>document.title = "pwned"</script><b>"&amp;'`;

/** Each test books on a day of its own, in each project that shares a server: no test is in another's way. */
function ownDay(test_: number): string {
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
async function starts(request: APIRequestContext, service: string, day: string, length?: number): Promise<number[]> {
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
function clock(start: number, timeZone: string, part: "time" | "date"): string {
  const instant = new Date(start * 60_000);
  return part === "time"
    ? new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(instant)
    : new Intl.DateTimeFormat("sv-SE", { timeZone }).format(instant);
}

/** "Tuesday 3 March". */
function spoken(day: string): string {
  const options = { timeZone: "UTC", weekday: "long", day: "numeric", month: "long" } as const;
  return new Intl.DateTimeFormat("en-GB", options).format(new Date(day)).replace(",", "");
}

/** Until the page has come alive: then one day of the grid takes the Tab key, and the others don't. */
async function alive(page: Page): Promise<void> {
  await expect(page.locator('.day[tabindex="0"]')).toHaveCount(1);
}

/** Accessible and beautiful in both themes. */
async function inspect(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await axe(page);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await screenshot(page, name);
}

const said = (page: Page) => page.locator('.picker > [role="status"]');
const times = (page: Page) => page.locator(".time");

/** Chooses a time; with JavaScript it turns into *Confirm* first. */
async function choose(page: Page, at: number, scripts: boolean): Promise<void> {
  await times(page).nth(at).click();
  if (scripts) await page.getByRole("link", { name: /^Confirm/ }).click();
  await expect(page.getByRole("heading", { name: /Your details|Move it here/ })).toBeVisible();
}

async function introduce(page: Page, name = "Grace Hopper", email = "grace@example.org"): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail", { exact: true }).fill(email);
}

const send = (page: Page) => page.locator("button.send").click();

/** Book, move and cancel, every question answered. */
async function wholeStory(page: Page, scripts: boolean, days: [string, string], suffix: string): Promise<void> {
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
  await expect(page.locator(".chosen")).toContainText("Europe/Berlin (UTC+1)");
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
  const when = page.locator("dd", { hasText: "Europe/Berlin (UTC+1)" });
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

test.describe("with JavaScript", () => {
  test("a workspace shows who it is and what can be booked", async ({ page }) => {
    await page.goto("/book/demo");
    await expect(page.getByRole("heading", { level: 1, name: "Studio Meridian" })).toBeVisible();
    await expect(page.getByRole("region", { name: "With our team" }).getByRole("heading", { level: 3 })).toHaveText([
      "Talk to the team",
      "Project review",
      "Quick help",
    ]);
    const own = page.getByRole("region", { name: "With one of us" });
    await expect(own).toContainText("€35.00");
    await expect(own).toContainText("Up to 8 people");
    for (const secret of ["Partner review", "Board meeting"]) await expect(page.getByText(secret)).toHaveCount(0);
    await inspect(page, "workspace");
    await page.getByRole("link", { name: "Introduction" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Introduction" })).toBeFocused();
    await expect(page).toHaveTitle("Book Introduction – Studio Meridian");
  });

  test("book, move, cancel", async ({ page, errors }) => {
    test.setTimeout(90_000);
    errors.allow(refusal);
    await wholeStory(page, true, [ownDay(0), ownDay(1)], "");
  });

  test("by keyboard alone", async ({ page, errors }) => {
    errors.allow(refusal);
    const press = (key: string) => page.keyboard.press(key);
    await page.goto(`/book/demo/team-call?day=${ownDay(2)}`);
    await alive(page);
    await press("Tab");
    await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
    await press("Enter");
    // One stop in the grid, wherever it starts.
    const inGrid = () => page.evaluate(() => document.activeElement?.getAttribute("data-date"));
    for (let tabs = 0; !(await inGrid()) && tabs < 10; tabs++) await press("Tab");
    expect(await inGrid()).toBe(ownDay(2));
    await expect(page.locator(":focus")).toHaveAccessibleName(/^\w+ \d+ \w+, \d+ times? available$/);
    const moves: [string, (date: Date) => void][] = [
      ["ArrowRight", (date) => date.setUTCDate(date.getUTCDate() + 1)],
      ["ArrowDown", (date) => date.setUTCDate(date.getUTCDate() + 7)],
      ["ArrowLeft", (date) => date.setUTCDate(date.getUTCDate() - 1)],
      ["ArrowUp", (date) => date.setUTCDate(date.getUTCDate() - 7)],
      ["Home", (date) => date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))],
      ["End", (date) => date.setUTCDate(date.getUTCDate() + 6)],
    ];
    const expected = new Date(ownDay(2));
    for (const [key, step] of moves) {
      await press(key);
      step(expected);
      await expect.poll(inGrid, key).toBe(expected.toISOString().slice(0, 10));
    }
    // A Sunday: it has no times, and says so.
    await expect(page.locator(":focus")).toHaveAccessibleName(/^Sunday .*, no times available$/);
    await expect(page.locator(":focus")).toHaveAttribute("aria-disabled", "true");
    await press("PageDown");
    await expect.poll(async () => (await inGrid())?.slice(0, 7)).not.toBe(expected.toISOString().slice(0, 7));
    await press("PageUp");
    await page.locator(`[data-date="${ownDay(2)}"]`).focus();
    await press("Enter");
    await expect(said(page)).toHaveText(new RegExp(`^\\d+ times? available on ${spoken(ownDay(2))}\\.$`));
    for (let tabs = 0; tabs < 10 && !(await page.evaluate(() => document.activeElement?.matches(".time"))); tabs++) {
      await press("Tab");
    }
    await press("Enter");
    await expect(page.getByRole("link", { name: /^Confirm/ })).toBeFocused();
    await press("Enter");
    await expect(page.getByRole("heading", { name: "Your details" })).toBeFocused();
    await press("Tab");
    await page.keyboard.type("Grace Hopper");
    await press("Tab");
    await page.keyboard.type("not an address");
    await press("Enter");
    await expect(page.getByLabel("E-mail", { exact: true })).toBeFocused();
    await press("Control+a");
    await page.keyboard.type("grace@example.org");
    await press("Enter");
    await expect(page.getByRole("heading", { level: 1, name: "You're booked" })).toBeFocused();
    const tabTo = async (name: string) => {
      for (let tabs = 0; tabs < 12; tabs++) {
        await press("Tab");
        if ((await page.locator(":focus").textContent()) === name) return;
      }
      throw new Error(`${name} can't be reached by keyboard`);
    };
    await tabTo("Cancel");
    await press("Enter");
    await expect(page.getByRole("heading", { level: 1, name: "Cancel this appointment?" })).toBeFocused();
    await press("Tab");
    await page.keyboard.type("Something came up");
    await press("Tab");
    await press("Enter");
    await expect(page.getByRole("heading", { level: 1, name: "This appointment is cancelled" })).toBeFocused();
  });

  test("nothing waits for the server once the month is here", async ({ page }) => {
    const prefetched = page.waitForResponse(/\/api\/ui\/month/);
    await page.goto("/book/demo/consultation");
    await (await prefetched).finished();
    await alive(page);
    const asked: string[] = [];
    await page.route("**/api/ui/**", (route) => {
      asked.push(route.request().url());
      return route.fulfill({ status: 404 });
    });
    const title = await page.locator("#month").textContent();
    await page.locator(".day[href]").nth(1).click();
    await page.getByRole("link", { name: "90 min" }).click();
    await page.getByRole("link", { name: "12 h" }).click();
    await expect(times(page).first()).toHaveText(/^\d+:\d\d [ap]m$/);
    await page.getByRole("link", { name: "24 h" }).click();
    await expect(times(page).first()).toHaveText(/^\d\d:\d\d$/);
    expect(asked).toEqual([]);
    await page.unroute("**/api/ui/**");
    await page.getByRole("link", { name: /^Next month/ }).click();
    await expect(page.locator("#month")).not.toHaveText(title ?? "");
    await expect(page.locator(".day[href]")).not.toHaveCount(0);
    await expect(page.getByText("Loading…")).toHaveCount(0);
  });

  test("the layout stays where it is while the page comes alive", async ({ page }) => {
    await page.addInitScript(() => {
      const shifts: number[] = [];
      Object.assign(window, { shifts });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto("/book/demo/consultation");
    await alive(page);
    await page.waitForLoadState("networkidle");
    expect(await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts)).toEqual([]);
  });

  test("steps back and forward keep what was entered", async ({ page }) => {
    await page.goto("/book/demo/team-call");
    await alive(page);
    const before = page.url();
    const days = page.locator(".day[href]");
    await days.nth((await days.count()) - 1).click();
    const dayUrl = page.url();
    expect(dayUrl).toMatch(/\?day=/);
    await choose(page, 0, true);
    const formUrl = page.url();
    expect(formUrl).toMatch(/[?&]start=\d+/);
    await introduce(page);
    await page.goBack();
    await expect(times(page).first()).toBeVisible();
    expect(page.url()).toBe(dayUrl);
    await page.goForward();
    await expect(page.getByLabel("Name")).toHaveValue("Grace Hopper");
    expect(page.url()).toBe(formUrl);
    await page.getByRole("link", { name: "Choose another time" }).click();
    await choose(page, 1, true);
    await expect(page.getByLabel("E-mail", { exact: true })).toHaveValue("grace@example.org");
    // The address alone is enough for someone else, and for a reload.
    const chosen = await page.locator(".chosen strong").textContent();
    await page.reload();
    await expect(page.locator(".chosen strong")).toHaveText(chosen ?? "");
    await page.goto(before);
    await expect(times(page).first()).toBeVisible();
  });

  test("an address can fill the form in, and nothing in it is believed", async ({ page }) => {
    const [start] = await starts(page.request, "consultation", ownDay(3));
    const filled = new URLSearchParams([
      ["start", String(start)],
      ["name", hostile],
      ["email", "grace@example.org"],
      ["guests", "ada@example.org"],
      ["notes", hostile],
      ["q-topic", "Compilers"],
      ["q-background", hostile],
      ["q-first", "Yes"],
      ["q-interests", "Design"],
      ["q-interests", "Strategy"],
      ["q-terms", "yes"],
      ["q-nobody", "asks"],
      ["utm_source", "mail"],
    ]);
    await page.goto(`/book/demo/consultation?${filled}`);
    await expect(page.getByLabel("Name")).toHaveValue(hostile);
    await expect(page.getByLabel("Anything else?")).toHaveValue(hostile);
    await expect(page.getByLabel("What should we know beforehand?")).toHaveValue(hostile);
    await expect(page.getByLabel("Yes", { exact: true })).toBeChecked();
    await expect(page.getByLabel("Design")).toBeChecked();
    await expect(page.getByLabel("I have read the house rules")).toBeChecked();
    // It goes along while another time is chosen.
    await page.getByRole("link", { name: "Choose another time" }).click();
    await page.reload();
    await alive(page);
    await choose(page, 1, true);
    await expect(page.getByLabel("What is it about?")).toHaveValue("Compilers");
    await expect(page).not.toHaveTitle("pwned");
  });

  test("a double click books once", async ({ page }) => {
    const sent: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST") sent.push(request.url());
    });
    const [start] = await starts(page.request, "team-call", ownDay(4));
    await page.goto(`/book/demo/team-call?start=${start}`);
    await expect(page.locator(".picker")).toBeVisible();
    await page.waitForLoadState("networkidle");
    await introduce(page);
    await page.locator("button.send").dblclick();
    await expect(page.getByRole("heading", { name: "You're booked" })).toBeVisible();
    expect(sent).toHaveLength(1);
  });

  test("a time that someone else took: the form stays, and the nearest times are offered", async ({ page, errors, request }) => {
    errors.allow(refusal);
    const all = await starts(request, "intro", ownDay(5));
    const start = all[2] ?? 0;
    await page.goto(`/book/demo/intro?start=${start}`);
    await page.waitForLoadState("networkidle");
    await take(request, "intro", start);
    await introduce(page);
    await page.getByLabel("Telephone").fill("+49 30 123456");
    await send(page);
    await expect(page.getByRole("alert")).toContainText("That time has just gone");
    const nearest = page.getByRole("group", { name: "The nearest free times" });
    await expect(nearest.getByRole("radio")).toHaveCount(3);
    await expect(page.getByLabel("Telephone")).toHaveValue("+49 30 123456");
    await inspect(page, "conflict");
    const first = nearest.getByRole("radio").first();
    const label = (await nearest.locator("label").first().textContent()) ?? "";
    await first.check();
    await expect(page.locator(".chosen")).toContainText(label);
    await send(page);
    await expect(page.getByRole("heading", { name: "You're booked" })).toBeVisible();
    await expect(page.locator("dd strong")).toHaveText(label);
  });

  test("without a connection the form waits", async ({ page, context, errors }) => {
    errors.allow(/ERR_INTERNET_DISCONNECTED/);
    const [start] = await starts(page.request, "team-call", ownDay(6));
    await page.goto(`/book/demo/team-call?start=${start}`);
    await page.waitForLoadState("networkidle");
    await introduce(page);
    await context.setOffline(true);
    await send(page);
    await expect(page.getByRole("alert")).toContainText("The server can't be reached");
    await expect(page.getByLabel("Name")).toHaveValue("Grace Hopper");
    await context.setOffline(false);
    await send(page);
    await expect(page.getByRole("heading", { name: "You're booked" })).toBeVisible();
  });

  test("the zone is found, searched and remembered", async ({ page }) => {
    await page.goto("/book/demo/workshop");
    await alive(page);
    await page.locator("#zone").click();
    const search = page.getByLabel("City or region");
    await expect(search).toBeFocused();
    await expect(page.locator(".zone")).not.toHaveCount(0);
    await inspect(page, "zones");
    await search.fill("nowhere at all");
    await expect(page.getByText("No zone has this name.")).toBeVisible();
    await search.fill("new york");
    await page.getByRole("link", { name: /^America\/New York/ }).click();
    await expect(page.locator("#zone")).toContainText("America/New York (UTC−");
    await expect(page.locator("#zone")).toBeFocused();
    await expect(said(page)).toHaveText("Times are shown in the zone America/New York.");
    // The server reads it the next time, without a word in the address.
    const answer = await page.request.get("/book/demo/workshop");
    expect(await answer.text()).toContain("America/New York (UTC−");
    await page.goBack();
    await expect(page.locator("#zone")).toBeVisible();
  });
});

test.describe("eleven hours away", () => {
  test.use({ timezoneId: "Pacific/Auckland" });

  test("days and times are those of the viewer, and the instant is the same", async ({ page }) => {
    const day = ownDay(7);
    const [start = 0] = await starts(page.request, "team-call", day);
    await page.goto("/book/demo/team-call");
    await expect(page.locator("#zone")).toContainText("Pacific/Auckland (UTC+1");
    await alive(page);
    const local = clock(start, "Pacific/Auckland", "date");
    await page.goto(`/book/demo/team-call?day=${local}`);
    await alive(page);
    await expect(page.locator("#zone")).toContainText("Pacific/Auckland");
    const wanted = times(page).filter({ hasText: clock(start, "Pacific/Auckland", "time") });
    await wanted.click();
    await page.getByRole("link", { name: /^Confirm/ }).click();
    expect(page.url()).toContain(`start=${start}`);
    await introduce(page);
    await send(page);
    await expect(page.getByRole("heading", { name: "You're booked" })).toBeVisible();
    await expect(page.locator("dd strong")).toContainText(`, ${clock(start, "Pacific/Auckland", "time")} – `);
    await expect(page.getByText("Pacific/Auckland (UTC+13)")).toBeVisible();
    const file = await page.request.get((await page.getByRole("link", { name: /\.ics/ }).getAttribute("href")) ?? "");
    const utc = new Date(start * 60_000).toISOString().replace(/[-:]|\.000/g, "");
    expect(await file.text()).toContain(utc);
  });

  test("across a clock change", async ({ page, request }) => {
    // Whatever the season of the test, the clock goes back an hour at the start of this day.
    const changing = ownDay(9);
    const change = Date.parse(changing) / 1000;
    await page.route("**/api/ui/picker*", async (route) => {
      const answer = await route.fetch();
      const picker = await answer.json();
      picker.zone = { name: "Pacific/Auckland", initial_offset: 13 * 3600, transitions: [{ at: change, offset: 12 * 3600 }] };
      await route.fulfill({ response: answer, json: picker });
    });
    const before = ownDay(8);
    for (const [day, offset] of [[before, 13], [changing, 12]] as const) {
      const [start = 0] = await starts(request, "team-call", day);
      const shifted = new Date(start * 60_000 + offset * 3600_000).toISOString();
      await page.context().clearCookies();
      await page.goto(`/book/demo/team-call?day=${shifted.slice(0, 10)}`);
      await expect(page.locator("#zone")).toContainText("Pacific/Auckland");
      await times(page).filter({ hasText: shifted.slice(11, 16) }).first().click();
      await page.getByRole("link", { name: /^Confirm/ }).click();
      expect(page.url()).toContain(`start=${start}`);
      await expect(page.locator(".chosen")).toContainText(`${shifted.slice(11, 16)} – `);
      await expect(page.locator(".chosen")).toContainText(`Pacific/Auckland (UTC+${offset})`);
    }
  });
});

/** Books a time behind the page's back. */
async function take(request: APIRequestContext, service: string, start: number): Promise<void> {
  const answer = await request.post(`/book/demo/${service}`, {
    form: {
      start: String(start), length: "30", zone: "Europe/Berlin", name: "Faster", email: "faster@example.org",
      phone: "+49 30 999999", form_key: crypto.randomUUID(),
    },
    maxRedirects: 0,
  });
  expect(answer.status()).toBe(303);
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  // The browser counts scripts that it must not run as refused by a policy.
  test.beforeEach(({ errors }) => errors.allow(/^request: csp GET .*\.js$/));

  test("book, move, cancel", async ({ page, errors }) => {
    test.setTimeout(120_000);
    errors.allow(refusal);
    await wholeStory(page, false, [ownDay(10), ownDay(11)], "-plain");
  });

  test("months, zones and clocks are links and forms", async ({ page }) => {
    await page.goto("/book/demo/team-call?name=Grace");
    const month = await page.locator("#month").textContent();
    await page.getByRole("link", { name: /^Next month/ }).click();
    await expect(page.locator("#month")).not.toHaveText(month ?? "");
    await page.getByRole("link", { name: "12 h" }).click();
    await expect(times(page).first()).toHaveText(/^\d+:\d\d [ap]m$/);
    await page.locator("#zone").click();
    await page.getByLabel("City or region").fill("kathmandu");
    await page.getByRole("button", { name: "Search" }).click();
    await expect(page.locator(".zone")).toHaveCount(1);
    await inspect(page, "zones-plain");
    await page.getByRole("link", { name: /Kathmandu/ }).click();
    await expect(page.locator("#zone")).toContainText("Asia/Kathmandu (UTC+5:45)");
    await expect(times(page).first()).toHaveText(/^\d+:(15|45) [ap]m$/);
    await times(page).first().click();
    await expect(page.getByLabel("Name")).toHaveValue("Grace");
    await expect(page.locator(".chosen")).toContainText("Asia/Kathmandu (UTC+5:45)");
  });

  test("a time that someone else took: the form comes back, and the nearest times with it", async ({ page, errors, request }) => {
    errors.allow(refusal);
    const start = (await starts(request, "intro", ownDay(12)))[2] ?? 0;
    await page.goto(`/book/demo/intro?start=${start}`);
    await take(request, "intro", start);
    await introduce(page);
    await page.getByLabel("Telephone").fill("+49 30 123456");
    await page.getByLabel("Anything else?").fill(hostile);
    await send(page);
    await expect(page.getByRole("alert")).toContainText("That time has just gone");
    await expect(page.getByLabel("Anything else?")).toHaveValue(hostile);
    const nearest = page.getByRole("group", { name: "The nearest free times" }).getByRole("radio");
    await expect(nearest).toHaveCount(3);
    await inspect(page, "conflict-plain");
    await nearest.nth(1).check();
    await send(page);
    await expect(page.getByRole("heading", { name: "You're booked" })).toBeVisible();
  });

  test("sending the same form again leads to the same appointment", async ({ page, request }) => {
    const [start = 0] = await starts(request, "team-call", ownDay(13));
    await page.goto(`/book/demo/team-call?start=${start}`);
    const hidden = await page.locator('#details input[type="hidden"]').all();
    const form: Record<string, string> = { name: "Grace Hopper", email: "grace@example.org" };
    for (const input of hidden) form[(await input.getAttribute("name")) ?? ""] = await input.inputValue();
    const answers = [0, 1].map(() => request.post("/book/demo/team-call", { form, maxRedirects: 0 }));
    const [first, second] = await Promise.all(answers);
    expect([first?.status(), second?.status()]).toEqual([303, 303]);
    expect(second?.headers().location).toBe(first?.headers().location);
    // Once more with other words: that is another booking, and the time has gone.
    await introduce(page, "Somebody Else");
    await send(page);
    await expect(page.getByRole("alert")).toBeVisible();
    await expect(page.getByLabel("Name")).toHaveValue("Somebody Else");
  });
});

test.describe("dead ends have a way on", () => {
  test("unknown addresses", async ({ page, errors }) => {
    errors.allow(refusal);
    const ends: [string, number, string, string?][] = [
      ["/nothing/here", 404, "Nothing here"],
      ["/book/nobody", 404, "Nothing here"],
      ["/book/demo/nothing", 404, "Nothing here", "See all services"],
      ["/book/demo/board", 404, "Nothing here", "See all services"],
      ["/book/demo/board?key=guess", 404, "Nothing here", "See all services"],
      ["/book/demo/summer-course", 410, "Not taking bookings", "See all services"],
      ["/appointment/unknown", 404, "This link doesn't work"],
      ["/appointment/unknown/move", 404, "This link doesn't work"],
      ["/appointment/unknown/cancel", 404, "This link doesn't work"],
    ];
    for (const [path, status, heading, wayOn] of ends) {
      const answer = await page.goto(path);
      expect(answer?.status(), path).toBe(status);
      await expect(page.getByRole("heading", { level: 1 }), path).toHaveText(heading);
      if (wayOn) await expect(page.getByRole("link", { name: wayOn }), path).toBeVisible();
    }
    await inspect(page, "dead-end");
  });

  test("hidden services by their address, private ones by their key", async ({ page }) => {
    expect((await page.goto("/book/demo/partner-review"))?.status()).toBe(200);
    await page.goto("/sign-in");
    await page.request.post("/sign-in", { form: { email: "ada@demo.example", password: "meridian-demo", next: "/booking" } });
    const owner = await (await page.request.get("/booking")).text();
    const link = /\/book\/demo\/board\?key=[\w%.~-]+/.exec(owner)?.[0] ?? "";
    expect((await page.goto(link))?.status()).toBe(200);
    await alive(page);
    await page.getByRole("link", { name: /^Next month/ }).click();
    await choose(page, 0, true);
    expect(page.url()).toContain("key=");
  });

  test("a time that is not on offer any more says so, and others are shown", async ({ page }) => {
    await page.goto("/book/demo/team-call?start=29000000");
    await expect(page.getByRole("alert")).toContainText("no longer available");
    await page.goto("/book/demo/team-call?start=99999999999999999999&length=31&day=2026-99-99&month=x&zone=Mars/Base&clock=7");
    await expect(times(page).first()).toBeVisible();
  });

  test("a tampered form is refused in words", async ({ request }) => {
    const [start] = await starts(request, "team-call", ownDay(14));
    const form = { start: String(start), length: "30", zone: "Europe/Berlin", name: "Eve", email: "eve@example.org", form_key: crypto.randomUUID() };
    for (const [field, value] of [["length", "999"], ["start", "12"], ["start", "soon"], ["zone", "Mars/Base"], ["q-admin", "1"], ["email", hostile]] as const) {
      const answer = await request.post("/book/demo/team-call", { form: { ...form, [field]: value }, maxRedirects: 0 });
      expect([409, 422], `${field}=${value}`).toContain(answer.status());
      const body = await answer.text();
      expect(body, `${field}=${value}`).toContain('role="alert"');
      expect(body).toContain("alert-error");
      expect(body).not.toContain("<script>document.title");
    }
  });
});
