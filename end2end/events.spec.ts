// A member's own events: entered, refused, changed, deleted and brought back. The pages have no scripts of their own.

import { expect, inspect, screenshot, test } from "./support/fixtures";
import { fits, signIn } from "./support/staff";

/** What Chromium writes when a page answers with a refusal. */
const refusal = /status of 422/;

test("an event is entered, changed, deleted and brought back", async ({ page, errors }) => {
  // axe looks at three pages.
  test.slow();
  errors.allow(refusal);
  const title = `Dentist ${crypto.randomUUID()}`;
  await signIn(page, "/booking/events");
  const menu = page.getByRole("navigation", { name: "Workspace" });
  await expect(menu.getByRole("link", { name: "Events" })).toHaveAttribute("aria-current", "page");
  await page.getByRole("link", { name: "Add event" }).click();
  await inspect(page, "event-new");
  await fits(page);

  // Refused: what was entered stays, and the sentence belongs to its field.
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("From", { exact: true }).fill("2090-12-01");
  await page.getByLabel("Until", { exact: true }).fill("2090-12-01");
  await page.getByLabel("Start", { exact: true }).fill("10:00");
  await page.getByLabel("End", { exact: true }).fill("09:00");
  await page.getByLabel("Notes").fill("Bring the card\nand the letter");
  await page.getByRole("button", { name: "Add event" }).click();
  await expect(page).toHaveTitle(/^Error: Add an event/);
  await expect(page.getByLabel("End", { exact: true })).toHaveAccessibleDescription(/must be after the start/);
  await expect(page.getByLabel("Title")).toHaveValue(title);
  await expect(page.getByLabel("Notes")).toHaveValue("Bring the card\nand the letter");
  await inspect(page, "event-refused");
  await page.getByRole("alert").getByRole("link").press("Enter");
  await expect(page.getByLabel("End", { exact: true })).toBeFocused();
  await page.getByLabel("End", { exact: true }).fill("11:30");
  await page.getByRole("button", { name: "Add event" }).click();

  const row = page.getByRole("listitem").filter({ hasText: title });
  await expect(page.getByRole("status")).toHaveText("Added.");
  await expect(page.getByRole("heading", { name: "Friday, 1 December 2090" })).toBeVisible();
  await expect(row).toContainText("10:00 – 11:30");
  await inspect(page, "events");
  await fits(page);

  await row.getByRole("link", { name: title }).click();
  const start = page.getByLabel("Start", { exact: true });
  await expect(start).toHaveValue("10:00");
  await page.getByLabel("All day").check();
  await expect(start).toBeHidden();
  await page.getByLabel("Until", { exact: true }).fill("2090-12-03");
  await page.getByLabel("It takes my time").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("All day, until Sunday 3 December");
  await expect(row).toContainText("You can be booked meanwhile.");

  await row.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("status")).toHaveText(/^Deleted\./);
  const deleted = page.getByRole("region", { name: "Deleted" }).getByRole("listitem").filter({ hasText: title });
  await expect(deleted).toBeVisible();
  await screenshot(page, "events-deleted");
  await deleted.getByRole("button", { name: "Bring back" }).click();
  await expect(page.getByRole("status")).toHaveText("It is back.");
  await expect(page.getByRole("button", { name: `Delete ${title}` })).toBeVisible();
});

test("an event is entered with the keyboard alone", async ({ page }) => {
  const title = `Run ${crypto.randomUUID()}`;
  await signIn(page, "/booking/events");
  await page.getByRole("link", { name: "Add event" }).focus();
  await page.keyboard.press("Enter");
  await page.getByLabel("Title").focus();
  await page.keyboard.type(title);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await expect(page.getByLabel("All day")).toBeChecked();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toHaveText("Added.");
  const row = page.getByRole("listitem").filter({ hasText: title });
  await expect(row).toContainText("All day");
  await row.getByRole("button", { name: "Delete" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toHaveText(/^Deleted\./);
});
