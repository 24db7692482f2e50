"""Whether an account's application may sign in, and read the first page of its customers. Reads alone."""

from dataclasses import dataclass

from seatledger.collector.adapters.partner_center.client import RefusedError
from seatledger.collector.adapters.partner_center.distributor import PartnerCenter
from seatledger.collector.ports import SourceUnreachableError
from seatledger.schemas.commands import Check

MAY = "Give the application access to the Partner Center API, and its tenant's consent, in Microsoft Entra"


@dataclass(frozen=True)
class AccountCheck:
    """One source's token, first page, and price list."""

    source: str
    account: PartnerCenter

    async def __call__(self) -> list[Check]:
        token = await self._token()
        return [token, *([await self._customers()] if token.ok else []), await self._prices()]

    async def _token(self) -> Check:
        """A new one: that an older one is still taken proves nothing about the secret."""
        tokens = self.account.api.client.tokens
        try:
            await tokens.renew(await tokens.token())
        except SourceUnreachableError as error:
            return self._red("token", error.message, error.do)
        return self._green("token", f"signed in as {tokens.credentials.client_id}")

    async def _customers(self) -> Check:
        try:
            first = await anext(self.account.api.customers(), list[object]())
        except SourceUnreachableError as error:
            return self._red("customers", error.message, error.do)
        except RefusedError as error:
            return self._red("customers", f"the list of customers is refused: {error}", MAY)
        return self._green("customers", f"{len(first)} customers on the first page")

    async def _prices(self) -> Check:
        prices = self.account.prices
        await prices.load()
        for problem in prices.problems():
            return self._red("prices", problem.message, problem.do)
        return self._green("prices", "no price list is wanted" if prices.path is None else "the price list is read")

    def _green(self, what: str, message: str) -> Check:
        return Check(name=f"source {self.source}: {what}", ok=True, message=message)

    def _red(self, what: str, message: str, do: str) -> Check:
        return Check(name=f"source {self.source}: {what}", ok=False, message=message, do=do)
