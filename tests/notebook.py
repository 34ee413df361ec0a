"""A notebook in 25 lines: from a crystal to a submission, through the front door alone."""

import matbench_defects as md

spec = md.load_spec("lno-cathode")
space = spec.space()
assert space.count() == (4096, 87)
apart = {"between": ["vacancy", "vacancy"], "at_least": 5.0}
near = list(space.enumerate(where={"distances": [apart]}))
drawn = space.sample(10, seed=0)
atoms = drawn[0].to_ase()
atoms.rattle(0.05, seed=1)
assert space.identify(atoms).id == drawn[0].id
dataset = md.build(spec, out="mine", compute=False)
task = md.load_task("lno-formation-energy")
for seed in task.seeds:
    for fold in task.folds(dataset, seed=seed):
        model = md.make_model("cluster-expansion", seed=seed)
        model.fit(fold.train.rows, fold.train.values, fold.validation)
        fold.record(model.predict(fold.test.rows))
mine = task.score("my-expansion", title="My cluster expansion", training_data="train and validation parts")
theirs = md.evaluate(task, "cluster-expansion", dataset)
assert mine.scores["mae"].by_seed == theirs.scores["mae"].by_seed
comparison = md.compare([mine, theirs, md.evaluate(task, "mean", dataset)], resamples=200)
submission = md.submit(mine, author="Ada Lovelace", dataset=dataset, training_overlap="none")
assert md.check_submission(submission, dataset=dataset).submission.model == "my-expansion"
