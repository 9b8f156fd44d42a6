// What customers see with JavaScript on: finding a time, booking it, moving it, cancelling it; by mouse and by keyboard.

import { refusal, hostile, ownDay, starts, spoken, alive, said, times, choose, introduce, send, take, wholeStory } from "./support/booking";
import { expect, inspect, test } from "./support/fixtures";

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
    // The field has the focus already: what says that the answer is here is what it says of the field.
    await expect(page.getByLabel("E-mail", { exact: true })).toHaveAttribute("aria-invalid", "true");
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
    const fetched = () => page.waitForResponse(/\/api\/ui\/month/);
    const ahead = fetched();
    await page.goto("/book/demo/consultation");
    await (await ahead).finished();
    await alive(page);
    // Of this month little may be left.
    const title = await page.locator("#month").textContent();
    const further = fetched();
    await page.getByRole("link", { name: /^Next month/ }).click();
    await expect(page.locator("#month")).not.toHaveText(title ?? "");
    await expect(page.locator(".day[href]")).not.toHaveCount(0);
    await expect(page.getByText("Loading…")).toHaveCount(0);
    await (await further).finished();
    const asked: string[] = [];
    await page.route("**/api/ui/**", (route) => {
      asked.push(route.request().url());
      return route.fulfill({ status: 404 });
    });
    await page.locator(".day[href]").nth(1).click();
    await page.getByRole("link", { name: "90 min" }).click();
    await page.getByRole("link", { name: "12 h" }).click();
    await expect(times(page).first()).toHaveText(/^\d+:\d\d [ap]m$/);
    await page.getByRole("link", { name: "24 h" }).click();
    await expect(times(page).first()).toHaveText(/^\d\d:\d\d$/);
    expect(asked).toEqual([]);
  });

  test("the layout stays where it is while the page comes alive", async ({ page }) => {
    await page.addInitScript(() => {
      type Shift = PerformanceEntry & { value: number; sources: { node: Element | null; previousRect: DOMRect; currentRect: DOMRect }[] };
      const shifts: string[] = [];
      Object.assign(window, { shifts });
      new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries() as Shift[]) {
          const moved = sources.map(({ node, previousRect, currentRect }) =>
            [node?.parentElement?.outerHTML.slice(0, 200), JSON.stringify(previousRect), JSON.stringify(currentRect)].join(" "),
          );
          shifts.push(`${value}: ${moved.join("; ")}`);
        }
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto("/book/demo/consultation");
    await alive(page);
    await page.waitForLoadState("networkidle");
    expect(await page.evaluate(() => (window as unknown as { shifts: string[] }).shifts)).toEqual([]);
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
    // A few of four hundred that look the same.
    await search.fill("new");
    await expect(page.getByText("America/New York")).toBeVisible();
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
