"""The command line: parse, call, show. Nothing imports it."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

# Looking for plugins of pydantic among all installed packages takes a twentieth of what `check` takes; none is used.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import typer
from rich.console import Console

from matbench_defects import __version__
from matbench_defects.commands.progress import show_progress
from matbench_defects.errors import InputError

app = typer.Typer(
    help="Datasets and benchmarks for disordered, doped and defective crystals, from one YAML spec.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
leaderboard = typer.Typer(help="Score submissions and build the static site.", no_args_is_help=True)
app.add_typer(leaderboard, name="leaderboard")
console = Console(highlight=False)
if not console.is_terminal and "COLUMNS" not in os.environ:
    console.width = 120  # a log file has no width; tables need some

SpecArgument = Annotated[str, typer.Argument(help="A spec file, a folder that holds spec.yaml, or a shipped name.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores if left out.")]
DatasetOption = Annotated[
    Path | None, typer.Option("--dataset", help="A built dataset; the shipped spec is built if left out.")
]
MODEL_HELP = "A registered model, or an ASE calculator without fitting: ase:module.Class, ase:NAME of your own list"
ModelsOption = Annotated[list[str], typer.Option("--model", help=f"{MODEL_HELP}; several times for several.")]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.")]


class Listed(StrEnum):
    """What `list` can list."""

    specs = "specs"
    tasks = "tasks"
    models = "models"
    engines = "engines"
    metrics = "metrics"
    splits = "splits"
    policies = "policies"
    quantities = "quantities"
    formats = "formats"


def _version(asked: bool) -> None:
    if asked:
        print(f"matbench-defects {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Nothing is shared between the commands."""


_progress = partial(show_progress, console)


def _allow_calculators(names: list[str]) -> None:
    """Let ASE calculators be models: the user typed their names, and nothing else may have them imported."""
    from matbench_defects.models.named_calculators import allow_calculator

    for name in names:
        allow_calculator(name)


def _report(problems: list[InputError]) -> None:
    """Say what was refused while the rest went on; any makes the exit code 2."""
    for problem in problems:
        print(f"refused: {problem}", file=sys.stderr)
    if problems:
        raise SystemExit(2)


@app.command()
def check(specs: Annotated[list[str], typer.Argument(help="Spec files, folders or shipped names.")]) -> None:
    """Say what specs hold and what building them would cost; build nothing."""
    from matbench_defects.commands.estimating import show_estimate

    for spec in specs:
        show_estimate(spec, console)


@app.command()
def enumerate(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="A folder for one Parquet file a space.")],
) -> None:
    """Write every inequivalent configuration of a spec, however many, without labels."""
    from matbench_defects.crystal.building import build_spaces
    from matbench_defects.enumeration.streaming import write_index
    from matbench_defects.spec.loading import load_spec

    loaded = load_spec(spec)
    for name, space in build_spaces(loaded).items():
        part, _ = loaded.all_spaces()[space.family or name]
        path = out / f"{name}.parquet"
        with _progress(name) as show:
            written = write_index(space, path, show, where=part.configurations.where)
        console.print(f"{written:,} configurations in {path}", markup=False, soft_wrap=True)


@app.command()
def identify(
    structure: Annotated[Path, typer.Argument(help="A structure file that pymatgen reads, such as CIF or POSCAR.")],
    spec: Annotated[str, typer.Option(help="A spec file, a folder that holds spec.yaml, or a shipped name.")],
) -> None:
    """Say which configuration of a spec a structure is, relaxed or not, or why it is none."""
    from matbench_defects.commands.identifying import show_identified

    if not show_identified(structure, spec, console):
        raise SystemExit(1)


@app.command("import")
def import_(
    format_: Annotated[
        str, typer.Argument(metavar="FORMAT", help="A registered format; see `matbench-defects list formats`.")
    ],
    source: Annotated[Path, typer.Argument(help="The published file or folder.")],
    spec: Annotated[str, typer.Option(help="A spec file, a folder that holds spec.yaml, or a shipped name.")],
    out: Annotated[Path, typer.Option(help="A Parquet file: one row a configuration. A report goes beside it.")],
    level_of_theory: Annotated[str | None, typer.Option(help="What computed the labels.")] = None,
    origin: Annotated[str | None, typer.Option("--source", help="Who published them: a DOI or a repository.")] = None,
    license_: Annotated[str | None, typer.Option("--license", help="Under which licence (SPDX).")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the format, in YAML.")
    ] = None,
) -> None:
    """Map published structures with labels onto the configurations of a spec."""
    from matbench_defects.commands.importing import import_published, parse_settings, show_mapped

    given = {"level_of_theory": level_of_theory, "source": origin, "license": license_}
    given = {k: v for k, v in given.items() if v is not None} | parse_settings(settings or [])
    with _progress("structures") as show:
        mapped, report = import_published(format_, source, spec, out, given, show)
    show_mapped(mapped, out, report, console)
    if not mapped.rows:
        raise SystemExit(1)


@app.command("compare-labels")
def compare_labels(
    ours: Annotated[str, typer.Argument(help="A built dataset, or a spec whose labels are compared.")],
    name: Annotated[str, typer.Argument(help="A target of the dataset, or a label of the spec.")],
    published: Annotated[Path, typer.Argument(help="What `import` wrote.")],
    column: Annotated[str, typer.Option(help="The published column.")] = "formation_energy_per_site",
    labels: Annotated[
        Path | None, typer.Option(help="Labels of the spec; labels.parquet beside it if left out.")
    ] = None,
) -> None:
    """Say how far a target or label is from published values of the same configurations."""
    from matbench_defects.commands.importing import show_comparison

    show_comparison(ours, name, published, column, labels, console)


@app.command()
def init(
    cif: Annotated[Path, typer.Argument(help="The ideal host crystal.")],
    out: Annotated[
        Path | None, typer.Option(help="The spec's file; spec.yaml beside the CIF file if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the domain; that of the CIF file if left out.")] = None,
) -> None:
    """Write a commented spec for one's own crystal, its sublattices already named; the CIF file goes beside it."""
    import re
    import shutil

    from matbench_defects.crystal.template import template
    from matbench_defects.files import write_text

    path = out or cif.parent / "spec.yaml"
    if path.exists():
        raise InputError("exists already; give another --out", file=str(path))
    named = name or re.sub(r"[^a-z0-9]+", "-", cif.stem.lower()).strip("-") or "my-crystal"
    text = template(cif, named)
    beside = path.parent / cif.name
    if not beside.exists():  # the spec names the file without its folder
        beside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cif, beside)
    elif not beside.samefile(cif):
        raise InputError("exists already and is another file; give another --out", file=str(beside))
    write_text(path, text)
    console.print(f"{path} written. Edit it, then: matbench-defects check {path}", markup=False, soft_wrap=True)


@app.command("fetch-parents")
def fetch_parents(
    spec: SpecArgument,
    again: Annotated[bool, typer.Option("--again", help="Fetch also what is there already.")] = False,
) -> None:
    """Fetch the parents that a spec names by `materials_project`, and freeze them in files beside it."""
    from matbench_defects.crystal.materials_project import fetch_parents as fetch
    from matbench_defects.spec.loading import load_spec

    if not fetch(load_spec(spec), lambda line: console.print(line, markup=False, soft_wrap=True), again=again):
        console.print("This spec names no parent of the Materials Project.")


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(help="What to describe: spec, task or submission.")] = "spec",
) -> None:
    """Print the JSON Schema of a spec, a task or a submission, for editors to complete and check."""
    import json

    from matbench_defects.commands.schemas import schema_of

    print(json.dumps(schema_of(kind), indent=2, ensure_ascii=False))


@app.command()
def label(
    spec: SpecArgument,
    out: Annotated[Path | None, typer.Option(help="Where labels are kept; beside the spec if left out.")] = None,
    workers: Workers = None,
) -> None:
    """Compute the labels that a spec asks for and has not yet; stop it at any time and go on later."""
    from matbench_defects.labels.jobs import jobs_of, select
    from matbench_defects.labels.running import run_jobs
    from matbench_defects.labels.store import LabelStore
    from matbench_defects.shipped import find_spec
    from matbench_defects.spec.loading import load_spec

    loaded = load_spec(spec)
    jobs = jobs_of(loaded, select(loaded))
    store = LabelStore(out or find_spec(spec).parent / "labels.parquet")
    with _progress("labels") as show:
        labels = run_jobs(jobs, [store], workers=workers, progress=show)
    bad = [found for found in labels.values() if not found.usable]
    console.print(
        f"{len(labels)} labels in {store.path}, {len(bad)} of them with a problem", markup=False, soft_wrap=True
    )
    for found in bad[:10]:
        console.print(f"  {found.key.id}: {found.problem}", markup=False, soft_wrap=True)


@app.command()
def build(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="The dataset's folder.")],
    labels: Annotated[
        Path | None, typer.Option(help="Labels already computed; labels.parquet beside the spec if left out.")
    ] = None,
    only_labelled: Annotated[
        bool, typer.Option("--only-labelled", help="Compute nothing: leave out what has no label yet.")
    ] = False,
    workers: Workers = None,
) -> None:
    """Build the dataset of a spec, computing the labels that are missing."""
    from matbench_defects.commands.showing import show_dataset
    from matbench_defects.dataset.building import build_dataset
    from matbench_defects.shipped import find_spec
    from matbench_defects.spec.loading import load_spec

    known = labels or find_spec(spec).parent / "labels.parquet"
    with _progress("labels") as show:
        dataset = build_dataset(
            load_spec(spec), out, labels=known, compute=not only_labelled, workers=workers, progress=show
        )
    show_dataset(dataset, console)


@app.command()
def lock(specs: Annotated[list[str], typer.Argument(help="Spec files, folders or shipped names.")]) -> None:
    """Write lock.json beside specs: digests of spaces, selection, splits and of the labels that are there."""
    from matbench_defects.commands.locking import lock_spec

    for spec in specs:
        lock_spec(spec, console)


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="A dataset that `build` wrote.")],
    repo: Annotated[str, typer.Option(help="The dataset's repository on the Hub: organisation/name.")],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Publish a built dataset on the Hub, tagged with its version; a published version is never changed."""
    from matbench_defects.dataset.publishing import publish_dataset

    address = publish_dataset(folder, repo, private=private)
    console.print(f"published: {address}", markup=False, soft_wrap=True)


@app.command()
def evaluate(
    task: Annotated[list[str], typer.Argument(help="Task files or shipped names.")],
    model: ModelsOption,
    dataset: DatasetOption = None,
    out: Annotated[Path, typer.Option(help="Where results go: OUT/TASK/MODEL.")] = Path("results"),
    device: DeviceOption = "cpu",
    seed: Annotated[list[int] | None, typer.Option("--seed", help="Instead of the tasks' seeds.")] = None,
    pretrain: Annotated[
        str | None,
        typer.Option(metavar="TASK_OR_DATASET", help="Learn from this first; DATASET:TARGET names a target."),
    ] = None,
) -> None:
    """Fit models on the training part of tasks, predict their test part, and score them; after a kill it goes on."""
    from matbench_defects.commands.evaluating import evaluate_all

    _allow_calculators(model)
    _report(
        evaluate_all(
            task, model, console, _progress, dataset=dataset, out=out, device=device, seeds=seed, pretrain=pretrain
        )
    )


@app.command()
def compare(
    results: Annotated[list[Path], typer.Argument(help="Results OUT/TASK/MODEL, or OUT/TASK with several.")],
    task: Annotated[str | None, typer.Option(help="The task's file, where it is not shipped.")] = None,
    dataset: DatasetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="A JSON file; comparison.json beside the results if left out.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="How often the test rows are drawn anew.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Say which differences between results of one task are ties, by a paired bootstrap over the test rows."""
    from matbench_defects.commands.comparing import compare_results

    with _progress("resamples") as show:
        compared = compare_results(results, task=task, dataset=dataset, resamples=resamples, seed=seed, progress=show)
    compared.show(console, out)


@app.command()
def discover(
    where: Annotated[str, typer.Argument(metavar="TASK_OR_DATASET", help="A task, or a built dataset's folder.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help=f"{MODEL_HELP}; several times for several.")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", help="See `list policies`; all that the models serve if left out.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="What is to be lowest; the task's target if left out.")] = None,
    space: Annotated[str | None, typer.Option(help="The space to search, where there are several.")] = None,
    content: Annotated[str | None, typer.Option(help="Search one content of it, such as Li6Va6.")] = None,
    start: Annotated[int, typer.Option(min=2, help="Labels at random before the first fit.")] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Labels between two fits.")] = 5,
    budget: Annotated[int, typer.Option(min=2, help="Most labels.")] = 200,
    seed: Annotated[list[int] | None, typer.Option("--seed", help="One search each; 0 to 4 if left out.")] = None,
    dataset: DatasetOption = None,
    device: DeviceOption = "cpu",
    out: Annotated[Path, typer.Option(help="A folder for the table and the plot.")] = Path("discovery"),
) -> None:
    """Simulate searches for the lowest configuration: how many labels each acquisition policy needs."""
    from matbench_defects.commands.discovering import Plan
    from matbench_defects.commands.discovering import discover as run

    _allow_calculators(model or [])
    plan = Plan(model or [], policy or [], seed or [0, 1, 2, 3, 4], start, batch, budget, device)
    run(where, console, _progress, plan, target=target, space=space, content=content, dataset=dataset, out=out)


@app.command()
def explain(
    task: Annotated[str, typer.Argument(help="A task file or a shipped name.")],
    model: Annotated[list[str], typer.Option("--model", help="A model with features of its own; several times.")],
    dataset: DatasetOption = None,
    out: Annotated[Path, typer.Option(help="Where pictures and tables go: OUT/TASK/MODEL.png.")] = Path("explanations"),
) -> None:
    """Fit models on a task's training part and show how much each of their features counts."""
    from matbench_defects.commands.explaining import explain_model
    from matbench_defects.dataset.locating import find_dataset
    from matbench_defects.evaluation.task import load_task

    loaded = load_task(task)
    with _progress("labels") as show:
        data = find_dataset(loaded.dataset_name, loaded.dataset_version, dataset, progress=show)
    for name in model:
        explain_model(loaded, data, name, out, console)


@app.command()
def screen(
    given: Annotated[str, typer.Argument(metavar="SPEC_OR_DATASET", help="A built dataset, or a spec with labels.")],
    model: Annotated[str, typer.Option(help=f"{MODEL_HELP}.")],
    out: Annotated[Path, typer.Option(help="A folder for the best configurations and a histogram.")],
    target: Annotated[str | None, typer.Option(help="What is predicted; the first target if left out.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Fit on its training part; on every labelled row if left out.")
    ] = None,
    fold: Annotated[str | None, typer.Option(help="A fold of the split.")] = None,
    space: Annotated[list[str] | None, typer.Option(help="Only this space; give it several times for several.")] = None,
    content: Annotated[list[str] | None, typer.Option(help="Only this content, such as Li6Va6.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the best are kept.")] = 100,
    highest: Annotated[bool, typer.Option("--highest", help="High predictions are the best, not low ones.")] = False,
    each_content: Annotated[bool, typer.Option("--each-content", help="Keep the best of each content.")] = False,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many configurations, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the model and of the draw.")] = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Fit a model on what has a label and predict every configuration of a spec, however many."""
    from matbench_defects.commands.screening import run_screen
    from matbench_defects.evaluation.screening import Scope

    _allow_calculators([model])
    scope = Scope(tuple(space or ()), tuple(content or ()), sample, seed)
    run_screen(
        given,
        model,
        out,
        scope,
        target=target,
        split=split,
        fold=fold,
        seed=seed,
        device=device,
        console=console,
        progress=_progress,
        top=top,
        highest=highest,
        each_content=each_content,
    )


@app.command()
def submit(
    folder: Annotated[Path, typer.Argument(help="A result of `evaluate`, or a submission to check.")],
    author: Annotated[list[str] | None, typer.Option("--author", help="Give it several times for several.")] = None,
    out: Annotated[Path, typer.Option(help="Where submissions lie.")] = Path("leaderboard/submissions"),
    code: Annotated[str | None, typer.Option(help="Address of the code.")] = None,
    paper: Annotated[str | None, typer.Option(help="DOI or address of the paper.")] = None,
    license_: Annotated[str, typer.Option("--license", help="Licence of the predictions (SPDX).")] = "CC-BY-4.0",
    training_overlap: Annotated[
        str, typer.Option(help="Test configurations among all training data: none, structures or unknown.")
    ] = "unknown",
    dataset: DatasetOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing: check offline, exactly as CI does.")] = False,
) -> None:
    """Turn a result into a submission, or check one."""
    from matbench_defects.commands.submitting import submit as run

    said = {"authors": author or [], "code": code, "paper": paper, "license": license_}
    message = run(folder, out, dataset=dataset, check=check, training_overlap=training_overlap, **said)
    console.print(message, markup=False, soft_wrap=True)


@leaderboard.command("build")
def leaderboard_build(
    out: Annotated[Path, typer.Option(help="The site's folder.")] = Path("site"),
    submissions: Annotated[Path, typer.Option(help="Where submissions lie.")] = Path("leaderboard/submissions"),
) -> None:
    """Score every submission from its predictions and write the static site."""
    from matbench_defects.commands.submitting import build_leaderboard

    problems = build_leaderboard(out, submissions)
    console.print(f"The leaderboard is {out / 'index.html'}", markup=False, soft_wrap=True)
    _report(problems)


@leaderboard.command("score-request")
def leaderboard_score_request(
    head: Annotated[Path, typer.Option(help="The folder of submissions as the request would leave it.")],
    base: Annotated[Path, typer.Option(help="The trusted submissions.")] = Path("leaderboard/submissions"),
    comment: Annotated[Path | None, typer.Option(help="A Markdown file for what there is to say.")] = None,
) -> None:
    """Check a request's submissions and score them beside the base's; nothing but the two files is ever opened."""
    from matbench_defects.commands.requesting import show_request

    if not show_request(base, head, comment, console):
        raise SystemExit(2)


@leaderboard.command("rescore")
def leaderboard_rescore(
    submissions: Annotated[Path, typer.Option(help="Where submissions lie.")] = Path("leaderboard/submissions"),
    scores: Annotated[Path, typer.Option(help="The recorded scores.")] = Path("leaderboard/scores.json"),
    write: Annotated[bool, typer.Option("--write", help="Record the new scores.")] = False,
) -> None:
    """Score every submission anew and say which recorded score moved, by how much and why; exit code 1 if one did."""
    from matbench_defects.commands.requesting import show_moved

    if not show_moved(submissions, scores, write, console):
        raise SystemExit(1)


@app.command("list")
def list_(what: Annotated[Listed, typer.Argument(help="What to list.")]) -> None:
    """List what is there: shipped specs and tasks, and everything that is registered."""
    from matbench_defects.commands.showing import show_list

    show_list(what.value, console)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("demo"),
    workers: Workers = None,
) -> None:
    """Go the whole road once on LiNiO2: enumerate, label live, build, train, compare, publish a page. Some minutes."""
    from matbench_defects.commands.demo import run_demo

    run_demo(out, console, _progress, workers)


def main() -> None:
    """Run the command line; a mistake in the input is one message and exit code 2."""
    # Threads that spin while they wait made training ten times slower on a core that another process wanted too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except InputError as error:
        print(f"matbench-defects: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("matbench-defects: interrupted; what was finished is kept", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
