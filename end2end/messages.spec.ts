// The pages of staff about mail: settings, mailbox, messages of event types, queue. They have no scripts of their own.

import type { Page } from "@playwright/test";
import { axe, expect, screenshot, test } from "./support/fixtures";
import { bookLate, owner, signIn } from "./support/staff";

/** What Chromium writes when a form is refused. */
const refusal = /status of 422/;
/** What it writes when a test looks into the frame of a mail, where nothing runs. */
const frame = /Blocked script execution in 'about:srcdoc'/;

/** Nothing scrolls sideways, and axe finds nothing in either theme. */
async function sound(page: Page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(wide, "sideways scrolling").toBeLessThanOrEqual(0);
  // axe is a script, and none runs in the frame of a mail: it looks into one where they may.
  await page.locator("iframe").evaluateAll((frames) => {
    for (const frame of frames as HTMLIFrameElement[]) {
      frame.setAttribute("sandbox", "allow-scripts");
      frame.srcdoc = frame.srcdoc;
    }
  });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await axe(page);
  }
  await page.emulateMedia({ colorScheme: null });
}

test("settings are refused at their fields, and a test goes to the mailbox", async ({ page, errors }) => {
  errors.allow(refusal);
  // axe looks at three pages in both themes.
  test.slow();
  await signIn(page, "/booking/mail");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Mail");
  await expect(page.getByText("Nothing leaves this machine")).toBeVisible();
  await sound(page);

  await page.getByRole("textbox", { name: "Server", exact: true }).fill("smtp.example.com:587");
  await page.getByLabel("User").fill("ada");
  await page.getByLabel("Password").fill("never shown again");
  await page.getByLabel("Sender’s address").fill("not an address");
  await page.getByRole("button", { name: "Use this server" }).click();
  await expect(page).toHaveTitle("Error: Mail");
  const host = page.getByRole("textbox", { name: "Server", exact: true });
  await expect(host).toHaveAttribute("aria-invalid", "true");
  await expect(host).toHaveAccessibleDescription(/without https/);
  await expect(host).toHaveValue("smtp.example.com:587");
  await expect(page.getByLabel("User")).toHaveValue("ada");
  await expect(page.getByLabel("Password")).toHaveValue("");
  expect(await page.content()).not.toContain("never shown again");
  await sound(page);
  await page.getByRole("alert").getByRole("link").first().click();
  await expect(host).toBeFocused();

  await page.getByRole("button", { name: "Send me a test" }).click();
  await expect(page.getByRole("status")).toContainText("The test is in the mailbox");
  await sound(page);
  await page.getByRole("status").getByRole("link", { name: "mailbox" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Mailbox");
  await expect(page.getByRole("listitem").filter({ hasText: owner.email }).first()).toBeVisible();
});

test("what a customer was told is in the mailbox, with links that work", async ({ page, request, errors }) => {
  errors.allow(frame);
  const email = `mail-${crypto.randomUUID()}@example.org`;
  await bookLate(request, "team-call", { name: "Mail <b>Test</b>", email, timezone: "America/New_York" });
  await signIn(page, "/booking/mailbox");
  await expect(page.getByText("Nothing leaves this machine")).toBeVisible();
  await sound(page);
  const mail = page.getByRole("listitem").filter({ hasText: email });
  // It is written in the background.
  await expect(async () => {
    await page.getByLabel("Mails to").fill(email);
    await page.getByRole("button", { name: "Find" }).click();
    await expect(mail).toContainText("Kept here", { timeout: 250 });
  }).toPass();
  await expect(mail).toHaveCount(1);
  await mail.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Talk to the team");
  const html = page.frameLocator("iframe");
  await expect(html.getByText("Mail <b>Test</b>").first()).toBeVisible();
  // The mail's own styles hold in the frame.
  const button = html.getByRole("link", { name: "Move or cancel" });
  expect(await button.evaluate((link) => getComputedStyle(link).color)).not.toBe("rgb(0, 0, 238)");

  // Its links lead out of the frame, and those of the text on.
  const [opened] = await Promise.all([page.waitForEvent("popup"), button.click()]);
  await expect(opened).toHaveURL(/\/appointment\//);
  await opened.close();
  const file = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download the mail" }).click();
  expect((await file).suggestedFilename()).toBe("mail.eml");
  await page.getByText("Show the calendar entry").click();
  await expect(page.getByText("BEGIN:VCALENDAR")).toBeVisible();
  await page.getByText("Show the headers").click();
  await sound(page);
  await page.getByRole("link", { name: /\/appointment\// }).first().click();
  await expect(page.getByText(email).first()).toBeVisible();
});

test("an event type’s messages are tried out and saved", async ({ page, errors, isMobile }) => {
  errors.allow(refusal);
  errors.allow(frame);
  // axe looks at four pages in both themes.
  test.slow();
  // Each project has its own: they run at the same time.
  const [name, slug] = isMobile ? ["Partner review", "partner-review"] : ["Summer course", "summer-course"];
  await signIn(page, "/booking/messages");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Messages");
  await sound(page);
  await page.getByRole("link", { name: `Edit ${name}` }).click();
  await expect(page).toHaveURL(new RegExp(`/booking/messages/${slug}$`));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
  await sound(page);

  await page.getByLabel("Reminder 1", { exact: true }).fill("90");
  await page.getByLabel("Unit of reminder 1").selectOption("minutes");
  await page.getByLabel("Who gets reminder 1").selectOption("both");
  await page.getByLabel("Subject").fill("See you, {{first_nam}}");
  await page.getByLabel("Paragraph").fill("Please ring twice, {{name}}.\nThe <bell> is loud.");
  await page.getByRole("button", { name: "Preview" }).click();
  const subject = page.getByLabel("Subject");
  await expect(subject).toHaveAttribute("aria-invalid", "true");
  await expect(subject).toHaveAccessibleDescription(/no variable {{first_nam}}/);
  await sound(page);

  await subject.fill("See you, {{first_name}}");
  await page.getByRole("button", { name: "Preview" }).click();
  const example = page.getByRole("region", { name: /^Example/ });
  await expect(example).toContainText("Subject: See you, Ada");
  await expect(example).toContainText("Please ring twice, Ada Example.");
  await expect(page.frameLocator("iframe").getByText("The <bell> is loud.")).toBeVisible();
  await expect(page.getByLabel("Reminder 1", { exact: true })).toHaveValue("90");
  await sound(page);

  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toContainText("Saved");
  const row = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name }) });
  await expect(row).toContainText("Reminder 1 hour 30 minutes before, to invitee and hosts");
  await expect(row).toContainText("Own words in mails");
});

test("a member’s own reminders", async ({ page, errors }) => {
  errors.allow(refusal);
  await signIn(page, "/booking/messages");
  const first = page.getByLabel("Reminder 1", { exact: true });
  await page.getByLabel("Always these").check();
  await first.fill("soon");
  await page.getByRole("button", { name: "Save my reminders" }).click();
  await expect(first).toHaveAccessibleDescription(/whole number/);
  await expect(page.getByLabel("Always these")).toBeChecked();
  await sound(page);
  await page.getByLabel("As the event types say").check();
  await page.getByRole("button", { name: "Save my reminders" }).click();
  await expect(page.getByRole("status")).toHaveText("Your reminders are saved.");
});

test("the menu leads everywhere and says where one is", async ({ page }) => {
  await signIn(page, "/booking/queue");
  const menu = page.getByRole("navigation", { name: "Workspace" });
  for (const name of ["Messages", "Mail", "Mailbox", "Queue"]) {
    await menu.getByRole("link", { name, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
    await expect(menu.locator("[aria-current=page]")).toHaveText(name);
  }
  await expect(page.getByText("Signed in as Ada Sommer")).toBeVisible();
  await sound(page);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
});

test("how the pages look", async ({ page, errors }) => {
  errors.allow(frame);
  await signIn(page, "/booking/mail");
  await screenshot(page, "mail");
  for (const name of ["mailbox", "messages", "queue"]) {
    await page.goto(`/booking/${name}`);
    await screenshot(page, name);
  }
  await page.goto("/booking/messages/first-visit");
  await screenshot(page, "messages-editor");
  await page.goto("/booking/mailbox");
  await page.getByRole("listitem").filter({ hasText: "Confirmation" }).getByRole("link").first().click();
  await page.locator("iframe").scrollIntoViewIfNeeded();
  await screenshot(page, "message");
});
