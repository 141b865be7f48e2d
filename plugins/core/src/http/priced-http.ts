/** Requests to a service that bills each call: none is made without room in the budget of the run, and each is settled at its price. */
import type { Dollars, HttpResponse, StepCtx, StepHttp } from '@plugboard/sdk';

/** @param price of one call, in dollars; without one requests are made as they are */
export function pricedHttp(ctx: Pick<StepCtx, 'http' | 'spend'>, price: number | undefined): Pick<StepHttp, 'request'> {
  if (price === undefined || price === 0) return ctx.http;
  return {
    request: (request) =>
      ctx.spend({ upTo: price }, async () => {
        const value = await ctx.http.request(request);
        return { value, cost: costOf(value, price) };
      }),
  };
}

/** A service that says no has done nothing; of one that broke nobody knows. */
function costOf({ status }: HttpResponse, price: number): Dollars | undefined {
  if (status >= 500) return undefined;
  return status >= 400 ? 0 : price;
}
