"""Looking for a better recipe: the best of all that were tried trains, and other trips begin anew."""

from lifecycle.conftest import World


async def test_the_best_recipe_of_all_that_were_tried_trains(world: World) -> None:
    await world.training.train(tune_s=1)
    assert world.trainer.fitted[-1].recipe == {"number": 0}
    await world.training.train(tune_s=2)  # goes on with the second and the third
    assert world.trainer.fitted[-1].recipe == {"number": 1}
    await world.training.train()
    assert world.trainer.fitted[-1].recipe == {}


async def test_other_trips_begin_anew(world: World) -> None:
    await world.training.train(tune_s=2)
    until = world.trainer.fitted[-1].split.held_out_from
    await world.training.train(until=until, tune_s=1)
    assert world.trainer.fitted[-1].recipe == {"number": 0}
