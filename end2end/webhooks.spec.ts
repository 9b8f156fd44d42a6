// Webhooks: an admin adds one, a booking reaches a receiver, and every attempt can be looked at. The pages have no
// scripts of their own.

import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { axe, expect, inspect, test } from "./support/fixtures";
import { bookLate, fits, signIn } from "./support/staff";

/** What Chromium writes when a page answers with a refusal. */
const refusal = /status of 422/;

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver that fails once for each thing it is told, for as long as `use` takes. */
async function withReceiver(use: (url: string, received: Received[]) => Promise<void>): Promise<void> {
  const received: Received[] = [];
  const seen = new Set<unknown>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      const again = seen.has(request.headers["webhook-id"]);
      seen.add(request.headers["webhook-id"]);
      response.writeHead(again ? 200 : 500).end(again ? "thank you" : "not today");
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

test("a webhook is told of a booking, and its page shows every attempt", async ({ page, request, errors }) => {
  // A retry comes after some seconds; axe looks at five pages.
  test.slow();
  errors.allow(refusal);
  await withReceiver(async (url, received) => {
    await signIn(page, "/booking/webhooks");
    await expect(page.getByRole("heading", { level: 1, name: "Webhooks" })).toBeVisible();
    await expect(page.getByRole("navigation").getByRole("link", { name: "Webhooks" })).toHaveAttribute("aria-current", "page");
    await inspect(page, "webhooks");
    await fits(page);

    // Refused: what was chosen stays, and the sentence belongs to its field.
    const address = page.getByLabel("Address");
    await address.fill("https://169.254.169.254/latest/meta-data");
    await page.getByRole("checkbox", { name: "reminder.sent" }).uncheck();
    await page.getByRole("button", { name: "Add webhook" }).click();
    await expect(page).toHaveTitle(/^Error: Webhooks/);
    await expect(address).toHaveAccessibleDescription(/private network/);
    await expect(address).toHaveValue("https://169.254.169.254/latest/meta-data");
    await expect(page.getByRole("checkbox", { name: "reminder.sent" })).not.toBeChecked();
    await expect(page.getByRole("checkbox", { name: "booking.created" })).toBeChecked();
    await axe(page);
    await page.getByRole("alert").getByRole("link").click();
    await expect(address).toBeFocused();

    await address.fill(url);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { level: 1, name: "Webhook added" })).toBeVisible();
    const secret = (await page.getByText(/^whsec_/).textContent()) ?? "";
    await inspect(page, "webhook-secret");
    await fits(page);
    await page.getByRole("link", { name: "I have copied it" }).click();
    await expect(page.getByRole("heading", { level: 2, name: "Deliveries" })).toBeVisible();
    expect(await page.content()).not.toContain("whsec_");

    const email = `webhooks-${crypto.randomUUID()}@example.org`;
    await bookLate(request, "intro", { name: "Webhook Test", email });
    const mine = () => received.filter(({ body }) => body.includes(email));
    await expect.poll(() => mine().length, { timeout: 30_000 }).toBe(2);
    const key = Buffer.from(secret.replace("whsec_", ""), "base64");
    for (const { headers, body } of mine()) {
      const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
      const expected = createHmac("sha256", key).update(signed).digest("base64");
      expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
      expect(JSON.parse(body)).toMatchObject({ type: "booking.created", version: 1, data: { invitee: { email } } });
    }

    const delivery = page.getByRole("listitem").filter({ has: page.locator("details"), hasText: email });
    await expect(async () => {
      await page.reload();
      await expect(delivery).toContainText("Delivered", { timeout: 500 });
    }).toPass({ timeout: 15_000 });
    await delivery.getByText("2 attempts and the body").click();
    await expect(delivery.getByText("status 500")).toBeVisible();
    await expect(delivery.getByText("not today")).toBeVisible();
    await expect(delivery.getByText("status 200")).toBeVisible();
    await inspect(page, "webhook");
    await fits(page);

    await delivery.getByRole("button", { name: /^Send again/ }).click();
    await expect(page.getByRole("status")).toContainText("sent again");
    await expect.poll(() => mine().length, { timeout: 10_000 }).toBe(3);
    expect(new Set(mine().map(({ headers }) => headers["webhook-id"])).size).toBe(1);

    await page.getByRole("button", { name: "Switch off" }).click();
    await expect(page.getByRole("status")).toHaveText(/Switched off/);
    await page.getByText("Delete this webhook").click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await expect(page.getByRole("status")).toHaveText("Deleted.");
    await expect(page.getByText(url)).toHaveCount(0);
  });
});
