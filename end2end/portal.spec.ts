// The customer portal: signing in by a mailed link, the appointments, the feed, and deleting everything.

import type { Browser } from "@playwright/test";
import { axe, expect, inspect, test } from "./support/fixtures";
import { bookLate, owner } from "./support/staff";

/** The link in the newest mail to an address, as the demo's mailbox shows it to an admin. */
async function mailedLink(browser: Browser, baseURL: string, email: string): Promise<string> {
  const context = await browser.newContext({ baseURL });
  try {
    const signedIn = await context.request.post("/sign-in", {
      form: { ...owner, next: "/booking" },
      maxRedirects: 0,
    });
    expect(signedIn.status()).toBe(303);
    let link: string | undefined;
    // A worker puts the mail into the mailbox in its own time.
    await expect(async () => {
      const list = await (await context.request.get(`/booking/mailbox?address=${encodeURIComponent(email)}`)).text();
      for (const [, page] of list.matchAll(/href="(\/booking\/mailbox\/[0-9a-f-]{36})"/g)) {
        if (!page) continue;
        const mail = await (await context.request.get(page)).text();
        link = /\/my\/demo\/enter\/[\w-]+/.exec(mail)?.[0];
        if (link && mail.includes(email)) return;
      }
      throw new Error("the mail has not come yet");
    }).toPass({ timeout: 15_000 });
    return link ?? "";
  } finally {
    await context.close();
  }
}

test("sign in by mail, subscribe, and delete everything", async ({ page, request, browser, baseURL, errors }) => {
  // Each page is looked at in both themes.
  test.slow();
  errors.allow(/status of 4(10|22)/);
  const email = `portal-${crypto.randomUUID()}@example.org`;
  await bookLate(request, "intro", { name: "Portal Test", email });
  const look = async (name: string) => {
    await inspect(page, name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide, "sideways scrolling").toBeLessThanOrEqual(0);
  };

  await page.goto("/my");
  await expect(page).toHaveURL(/\/my\/demo$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your appointments");
  await look("portal-door");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByRole("button", { name: "Send me a link" }).click();
  await expect(page.getByRole("status")).toContainText("a mail with a link is on its way");
  await axe(page);

  const link = await mailedLink(browser, baseURL ?? "", email);
  await page.goto(link);
  await look("portal-step");
  await page.getByRole("button", { name: "Show my appointments" }).click();
  await expect(page).toHaveURL(/\/my\/demo$/);
  await expect(page.getByText(`Signed in as ${email}`)).toBeVisible();
  const entry = page.getByRole("listitem").filter({ hasText: "Introduction" });
  await expect(entry).toContainText("Europe/Berlin");
  await expect(entry.getByRole("link", { name: /^Move Introduction on / })).toBeVisible();
  const file = await page.request.get((await entry.getByRole("link", { name: /^Calendar file/ }).getAttribute("href")) ?? "");
  expect(await file.text()).toContain("BEGIN:VEVENT");
  await look("portal");

  await page.getByRole("button", { name: "Make a calendar address" }).click();
  const feed = await page.getByLabel("Your secret calendar address").inputValue();
  expect(await (await request.get(feed)).text()).toContain("METHOD:PUBLISH");
  await axe(page);
  await page.getByRole("button", { name: "End this address" }).click();
  await expect(page.getByRole("button", { name: "Make a calendar address" })).toBeVisible();
  expect((await request.get(feed)).status()).toBe(410);

  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download my data" }).click();
  expect((await download).suggestedFilename()).toBe("my-data.json");

  // Cancelled on its own page, it moves down into the past.
  await entry.getByRole("link", { name: /^Cancel Introduction on / }).click();
  await page.getByRole("button", { name: "Cancel the appointment" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "This appointment is cancelled" })).toBeVisible();
  await page.goto("/my/demo");
  await expect(page.getByText("Nothing is coming up.")).toBeVisible();
  await expect(page.getByRole("region", { name: "Past and cancelled" })).toContainText("Cancelled");
  await axe(page);

  await page.getByRole("link", { name: /^Delete my data/ }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Delete your data?");
  await look("portal-delete");
  await page.getByLabel("Yes, delete my data for good").check();
  await page.getByRole("button", { name: "Delete my data" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your data is deleted");
  await look("portal-deleted");

  // The link that was mailed is used up, and nobody is signed in any more.
  await page.goto(link);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("This link doesn't work any more");
  await axe(page);
  await page.goto("/my/demo");
  await expect(page.getByLabel("E-mail address")).toBeVisible();
});
