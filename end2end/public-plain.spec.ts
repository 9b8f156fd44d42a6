// What customers see with JavaScript off: the same, by links and forms.

import { refusal, hostile, ownDay, starts, times, introduce, send, take, wholeStory } from "./support/booking";
import { expect, inspect, test } from "./support/fixtures";

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

  test("sending the same form again leads to the same appointment", async ({ page, request, errors }) => {
    errors.allow(refusal);
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
