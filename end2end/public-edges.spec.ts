// Booking from far away and across a clock change; and where an address leads nowhere, a way on.

import { refusal, hostile, ownDay, starts, clock, offset, alive, times, choose, introduce, send } from "./support/booking";
import { expect, inspect, test } from "./support/fixtures";

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
    await expect(page.getByText(`Pacific/Auckland (${offset("Pacific/Auckland", day)})`)).toBeVisible();
    const file = await page.request.get((await page.getByRole("link", { name: /\.ics/ }).getAttribute("href")) ?? "");
    const at = `${local}T${clock(start, "Pacific/Auckland", "time")}00`.replace(/[-:]/g, "");
    expect(await file.text()).toContain(`DTSTART;TZID=Pacific/Auckland:${at}`);
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
    for (const [day, hours] of [[before, 13], [changing, 12]] as const) {
      const [start = 0] = await starts(request, "team-call", day);
      const shifted = new Date(start * 60_000 + hours * 3600_000).toISOString();
      await page.context().clearCookies();
      await page.goto(`/book/demo/team-call?day=${shifted.slice(0, 10)}`);
      await expect(page.locator("#zone")).toContainText("Pacific/Auckland");
      await times(page).filter({ hasText: shifted.slice(11, 16) }).first().click();
      await page.getByRole("link", { name: /^Confirm/ }).click();
      expect(page.url()).toContain(`start=${start}`);
      await expect(page.locator(".chosen")).toContainText(`${shifted.slice(11, 16)} – `);
      await expect(page.locator(".chosen")).toContainText(`Pacific/Auckland (UTC+${hours})`);
    }
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
