"""What tasks wait for each other with."""

from __future__ import annotations

import trio
import trio.testing
from trio.lowlevel import ParkingLot, checkpoint, current_task
from trio.testing import wait_all_tasks_blocked

from torture.scenes import request, scene


@scene()
async def event(me):
    ready = trio.Event()

    async def wait():
        await ready.wait()
        me.see("told")

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        me.see(ready.statistics().tasks_waiting, ready.is_set())
        ready.set()
    await ready.wait()
    return ready.is_set()


@scene(lock=trio.Lock, strict_fifo_lock=trio.StrictFIFOLock)
async def lock(kind, me):
    lock, order = kind(), []

    async def take(number):
        async with lock:
            order.append(number)
            await checkpoint()

    async with trio.open_nursery() as nursery, lock:
        for number in range(3):
            nursery.start_soon(take, number)
            await wait_all_tasks_blocked()
        statistics = lock.statistics()
        me.see(statistics.owner is current_task(), statistics.tasks_waiting)
        with me.refused():
            await lock.acquire()
        with me.refused():
            lock.acquire_nowait()
    with me.refused():
        lock.release()
    lock.acquire_nowait()
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio.sleep_forever()
    lock.release()
    return order


@scene()
async def semaphore(me):
    semaphore, running, most = trio.Semaphore(2, max_value=2), 0, 0

    async def use():
        nonlocal running, most
        async with semaphore:
            running += 1
            most = max(most, running)
            await checkpoint()
            running -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(use)
    with me.refused():
        semaphore.release()
    semaphore.acquire_nowait()
    semaphore.acquire_nowait()
    with me.refused():
        semaphore.acquire_nowait()
    return most, semaphore.value


@scene()
async def condition(me):
    condition, order = trio.Condition(), []

    async def wait(number):
        async with condition:
            await condition.wait()
            order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(wait, number)
            await wait_all_tasks_blocked()
        with me.refused():
            condition.notify()
        async with condition:
            me.see(condition.statistics().tasks_waiting)
            condition.notify()
        await wait_all_tasks_blocked()
        me.see(list(order))
        async with condition:
            condition.notify_all()
            with trio.CancelScope() as scope:
                scope.cancel()
                await condition.wait()
            me.see(scope.cancelled_caught, condition.locked())
    return order


@scene()
async def capacity_limiter(me):
    limiter = trio.CapacityLimiter(1)

    async def use(number):
        async with limiter:
            await me.tell("child", limiter.borrowed_tokens)

    async with trio.open_nursery() as nursery, limiter:
        with me.refused():
            await limiter.acquire()
        with me.refused():
            limiter.acquire_on_behalf_of_nowait("somebody")
        nursery.start_soon(use, 1)
        await wait_all_tasks_blocked()
        me.see(limiter.statistics().tasks_waiting, limiter.available_tokens)
        limiter.total_tokens = 2
        await wait_all_tasks_blocked()
        me.see(limiter.statistics().tasks_waiting, limiter.available_tokens)
    with me.refused():
        limiter.release()
    limiter.acquire_on_behalf_of_nowait("somebody")
    limiter.release_on_behalf_of("somebody")
    return limiter.borrowed_tokens


@scene()
async def memory_channel(me):
    send, receive = trio.open_memory_channel(1)

    async def produce(channel, start):
        async with channel:
            for number in range(start, start + 3):
                await channel.send((number, request.get()))

    async with trio.open_nursery() as nursery, receive:
        async with send:
            nursery.start_soon(produce, send.clone(), 0)
            nursery.start_soon(produce, send.clone(), 10)
        received = [item async for item in receive]
        me.see(receive.statistics().open_send_channels)
        with me.refused():
            receive.receive_nowait()
    with me.refused():
        await receive.receive()
    send, receive = trio.open_memory_channel(0)
    with me.refused():
        send.send_nowait("nobody listens")
    receive.close()
    with me.refused():
        await send.send("nobody will")
    return sorted(received)


@scene()
async def parking_lot(me):
    lot, other, order = ParkingLot(), ParkingLot(), []

    async def park(number):
        order.append((number, await lot.park()))

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(park, number)
            await wait_all_tasks_blocked()
        me.see(len(lot), len(lot.unpark(count=1)))
        lot.repark(other, count=2)
        me.see(len(lot), other.statistics().tasks_waiting)
        lot.unpark_all()
        await wait_all_tasks_blocked()
        me.see(sorted(order))
        other.break_lot()
        with me.refused():
            await other.park()
        nursery.cancel_scope.cancel()


@scene()
async def sequencer(me):
    sequencer, order = trio.testing.Sequencer(), []

    async def odd():
        for place in (1, 3):
            async with sequencer(place):
                order.append(place)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(odd)
        for place in (0, 2, 4):
            async with sequencer(place):
                order.append(place)
    return order


@scene()
async def lockstep_streams(me):
    ours, theirs = trio.testing.lockstep_stream_pair()

    async def talk():
        async with theirs:
            me.see(await theirs.receive_some(10))
            await theirs.send_all(b"answer")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk)
        await ours.send_all(b"question")
        me.see(await ours.receive_some(10))
        me.see(await ours.receive_some(10))
    await trio.aclose_forcefully(ours)
    with me.refused():
        await ours.send_all(b"more")
