using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Runs an attack over many rows: batches, projects, clips, judges success, counts, attacks only what still stands.
/// </summary>
public static class AttackHarness
{
    private const double LeastProgress = 0.01;

    /// <inheritdoc cref="Run(Classifier, Tensor, Tensor, AttackRun)"/>
    /// <param name="model">The classifier; its weights get no gradients.</param>
    /// <param name="rows">Inputs, labels and the columns that inputs are.</param>
    /// <param name="run">Attack, budget, seed and the rest.</param>
    public static AttackOutcome Run(Classifier model, EvaluationSet rows, AttackRun run) =>
        Run(model, rows.Inputs, rows.Labels, run with { Layout = rows.Layout });

    /// <summary>Attacks every row that is classified correctly, restart after restart, as long as it stands.</summary>
    /// <param name="model">The classifier; its weights get no gradients.</param>
    /// <param name="inputs">[n, input shape], in the data's units.</param>
    /// <param name="labels">[n], int64.</param>
    /// <param name="run">Attack, budget, seed and the rest.</param>
    /// <returns>The verdict of every row; the caller disposes it.</returns>
    /// <remarks>
    /// Deterministic for a seed. Native memory does not grow with n, apart from kept examples. Restart r draws the same
    /// starts whatever the number of restarts, so a further restart can only find more.
    /// </remarks>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public static AttackOutcome Run(Classifier model, Tensor inputs, Tensor labels, AttackRun run)
    {
        var attack = run.Attack;
        using var form = run.Form(model.Input, model.Device);
        var budget = Budget.FromSettings(run.Settings, model.Input) with { Form = form };
        var n = (int)labels.shape[0];
        var correct = CleanlyCorrect(model, inputs, labels, run);
        var standing = Enumerable.Range(0, n).Where(i => correct[i]).Select(i => (long)i).ToArray();
        using var scope = NewDisposeScope();
        var examples = run.KeepExamples ? inputs.detach().clone() : null;
        var restarts = Math.Max(1, run.Settings.Restarts);
        var robust = correct.ToArray();
        Lock gate = new();
        for (var restart = 0; restart < restarts && standing.Length > 0; restart++)
        {
            var turn = restart;
            long[][] batches = [.. standing.Chunk(run.RowsOf(standing.Length, model))];
            var most = model.RowsPerPass(gradients: attack.NeedsGradients) / batches[0].Length;
            var (shares, told) = (new double[batches.Length], 0.0);
            Lanes.ForEach(batches.Length, (int)Math.Clamp(most, 1, batches.Length), number =>
            {
                var rows = batches[number];
                run.Cancel.ThrowIfCancellationRequested();
                using var batch = NewDisposeScope();
                using var random = new Generator((ulong)Seeds.Derive(run.Seed, $"restart {turn}", number), CPU);
                var index = tensor(rows);
                var (clean, y) = model.Device.Take(inputs.index_select(0, index), labels.index_select(0, index));
                var context = new AttackContext(
                    model,
                    budget,
                    run.Settings,
                    random,
                    turn == 0 ? null : true,
                    run.StopAtSuccess,
                    run.Cancel
                )
                {
                    Done = run.Progress is null ? null : share => Tell(number, share),
                    Log = run.Book?.Of(turn, number),
                };
                var perturbed = budget.Project(clean, attack.Perturb(context, clean, y).detach());
                var errs = Errs(LogitsOf(model, perturbed), y);
                (perturbed, errs) = (perturbed.On(inputs), errs.OnHost());
                foreach (var (row, err) in rows.Zip(errs.data<bool>()))
                    robust[row] = !err;
                var found = errs.nonzero().flatten();
                lock (gate)
                {
                    examples?.index_copy_(0, index.index_select(0, found), perturbed.index_select(0, found));
                }

                Tell(number, 1);
            });
            standing = [.. standing.Where(row => robust[row])];

            // Not every step of every batch: someone writes it down.
            void Tell(int number, double share)
            {
                lock (gate)
                {
                    shares[number] = Math.Max(shares[number], share);
                    var done = shares.Zip(batches, (s, rows) => s * rows.Length).Sum() / standing.Length;
                    if (done - told < LeastProgress && share < 1)
                        return;
                    told = done;
                    run.Progress?.Report((turn + done) / restarts);
                }
            }
        }

        run.Progress?.Report(1);
        return new AttackOutcome([.. correct], [.. robust], examples?.DetachFromDisposeScope());
    }

    /// <summary>
    /// Distance of the nearest adversarial input that a minimal-norm attack finds, of every row that is classified
    /// correctly.
    /// </summary>
    /// <param name="model">The classifier.</param>
    /// <param name="inputs">[n, input shape], in the data's units.</param>
    /// <param name="labels">[n], int64.</param>
    /// <param name="run">A minimal-norm attack, and the norm; epsilon and restarts are of no account.</param>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public static AttackDistances Distances(Classifier model, Tensor inputs, Tensor labels, AttackRun run)
    {
        var correct = CleanlyCorrect(model, inputs, labels, run);
        var distances = new double[correct.Length];
        using var scope = NewDisposeScope();
        var examples = run.KeepExamples ? inputs.detach().clone() : null;
        var (done, standing) = (0, correct.Count(c => c));
        foreach (var (number, rows) in DistanceBatches(correct, run).Index())
        {
            using var batch = NewDisposeScope();
            var (found, sizes) = DistancesOf(model, inputs, labels, rows, number, run);
            examples?.index_copy_(0, tensor(rows), found);
            for (var i = 0; i < rows.Length; i++)
                distances[rows[i]] = sizes[i];
            done += rows.Length;
            run.Progress?.Report((double)done / standing);
        }

        return new([.. correct], [.. distances]) { Examples = examples?.DetachFromDisposeScope() };
    }

    /// <summary>The batches in which <see cref="Distances"/> attacks the rows that are classified correctly.</summary>
    internal static IEnumerable<long[]> DistanceBatches(bool[] correct, AttackRun run) =>
        correct.Index().Where(c => c.Item).Select(c => (long)c.Index).Chunk(run.BatchSize);

    /// <summary>
    /// One batch of <see cref="Distances"/>, whichever others are attacked: [rows, input shape], clean where nothing
    /// was found, and the distances.
    /// </summary>
    internal static (Tensor Found, double[] Distances) DistancesOf(
        Classifier model,
        Tensor inputs,
        Tensor labels,
        long[] rows,
        int number,
        AttackRun run
    )
    {
        run.Cancel.ThrowIfCancellationRequested();
        var budget = Budget.FromSettings(run.Settings, model.Input) with { Epsilon = double.PositiveInfinity };
        var attack = (IMinimalAttack)run.Attack;
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)Seeds.Derive(run.Seed, "distances", number), CPU);
        var index = tensor(rows);
        var (clean, y) = model.Device.Take(inputs.index_select(0, index), labels.index_select(0, index));
        var context = new AttackContext(model, budget, run.Settings, random, StopAtSuccess: false, Cancel: run.Cancel);
        var found = budget.Project(clean, attack.Nearest(context, clean, y).detach());
        // On the boundary a batch of another size may round to the other side; a hair further it does not.
        var further = budget.Project(clean, clean.Plus((found - clean) * Scalars.Get(1.001)));
        found = where(ActiveBatch.PerRow(Errs(LogitsOf(model, found), y), clean), found, further);
        var isFound = Errs(LogitsOf(model, found), y);
        var sizes = budget.Distance(clean, found).OnHost().data<float>().ToArray();
        double[] distances =
        [
            .. isFound.OnHost().data<bool>().Select((errs, i) => errs ? (double)sizes[i] : double.PositiveInfinity),
        ];
        return (
            where(ActiveBatch.PerRow(isFound, clean), found, clean).On(inputs).MoveToOuterDisposeScope(),
            distances
        );
    }

    /// <summary>
    /// Where the classifier errs: another class is first (the lower index of equals wins), or a logit is not a number.
    /// </summary>
    /// <param name="logits">[batch, classes].</param>
    /// <param name="labels">[batch], int64.</param>
    /// <returns>[batch], bool.</returns>
    public static Tensor Errs(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return logits.argmax(1).ne(labels).logical_or(logits.isnan().any(1)).MoveToOuterDisposeScope();
    }

    /// <summary>Which rows are classified correctly as they are.</summary>
    internal static bool[] CleanlyCorrect(Classifier model, Tensor inputs, Tensor labels, AttackRun run)
    {
        using var scope = NewDisposeScope();
        run.Cancel.ThrowIfCancellationRequested();
        return [.. Errs(model.LogitsOfAll(inputs, run.BatchSize), labels).logical_not().data<bool>()];
    }

    private static Tensor LogitsOf(Classifier model, Tensor inputs)
    {
        using var _ = no_grad();
        return model.Logits(inputs);
    }
}

/// <summary>One attack over many rows.</summary>
/// <param name="Settings">Attack, budget and restarts.</param>
/// <param name="Seed">Seed of everything random in it.</param>
public sealed record AttackRun(AttackSettings Settings, int Seed)
{
    /// <summary>
    /// The columns that inputs are, which attacks that keep their form need; null: inputs are no table.
    /// </summary>
    public FeatureLayout? Layout { get; init; }

    // Below, a second batch costs more than it gains.
    private const int FewestToSplit = 32;

    /// <summary>Rows at a time at most.</summary>
    public int BatchSize { get; init; } = 250;

    /// <summary>
    /// Rows of each batch of so many: about what a core's caches hold, and two batches at least, so that two cores have
    /// one each, wherever it runs.
    /// </summary>
    internal int RowsOf(int rows, Classifier model) =>
        rows < FewestToSplit ? BatchSize : (int)Math.Min((rows + 1) / 2, Math.Min(BatchSize, RowsAtOnce(model)));

    /// <summary>Rows of a pass that are fast together: fewer take nearly as long, more leave a core's caches.</summary>
    internal static long RowsAtOnce(Classifier model) => Math.Max(FewestToSplit, model.RowsInCache);

    /// <summary>
    /// Whether a row is finished once the classifier errs on it (<see cref="AttackContext.StopAtSuccess"/>).
    /// </summary>
    public bool StopAtSuccess { get; init; } = true;

    /// <summary>Whether the outcome holds the adversarial examples.</summary>
    public bool KeepExamples { get; init; }

    /// <summary>Told the share done, 0 to 1.</summary>
    public IProgress<double>? Progress { get; init; }

    /// <summary>Stops the attack between steps.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>What an attack that was stopped goes on from; null: nothing is written down.</summary>
    internal AttackLog.Book? Book { get; init; }

    /// <summary>The attack that is run.</summary>
    public IAttack Attack => Settings.Attack;

    /// <summary>The form that the attack keeps, whose owner is the caller; null where it keeps none.</summary>
    /// <exception cref="InvalidOperationException">It would, but inputs are no table.</exception>
    internal TabularConstraints? Form(InputPolicy input, ComputeDevice? device = null) =>
        !Attack.KeepsForm ? null
        : Layout is { } layout ? new(layout, Settings.Categories, input, device)
        : throw new InvalidOperationException(
            $"The attack {Attack.Name} applies to tables, but the inputs are not a table."
        );
}

/// <summary>What an attack came to.</summary>
/// <param name="Correct">Per row whether it is classified correctly without an attack.</param>
/// <param name="Robust">Per row whether it is, and no perturbation was found that changes that.</param>
/// <param name="Examples">
/// [n, input shape], when kept: the adversarial example where one was found, the clean input elsewhere.
/// </param>
public sealed record AttackOutcome(ImmutableArray<bool> Correct, ImmutableArray<bool> Robust, Tensor? Examples)
    : IDisposable
{
    /// <summary>Number of rows.</summary>
    public int Count => Robust.Length;

    /// <summary>Share of all rows that are classified correctly with and without the attack.</summary>
    public double RobustAccuracy => Robust.Count(r => r) / (double)Count;

    /// <summary>Share of all rows that are classified correctly without the attack.</summary>
    public double CleanAccuracy => Correct.Count(c => c) / (double)Count;

    /// <inheritdoc/>
    public void Dispose() => Examples?.Dispose();
}

/// <summary>How far the nearest adversarial inputs are that an attack found.</summary>
/// <param name="Correct">Per row whether it is classified correctly without an attack.</param>
/// <param name="Distance">Per row the distance; 0 where it is not, infinite where none was found.</param>
public sealed record AttackDistances(ImmutableArray<bool> Correct, ImmutableArray<double> Distance) : IDisposable
{
    /// <summary>
    /// [n, input shape], when kept: the nearest adversarial input where one was found, the clean one elsewhere.
    /// </summary>
    public Tensor? Examples { get; init; }

    /// <summary>
    /// Median over the rows that are classified correctly, the lower of two middle ones; NaN without any.
    /// </summary>
    public double Median =>
        Distance.Where((_, i) => Correct[i]).Order().ToArray() is { Length: > 0 } sorted
            ? sorted[(sorted.Length - 1) / 2]
            : double.NaN;

    /// <inheritdoc/>
    public void Dispose() => Examples?.Dispose();

    /// <summary>
    /// Share of all rows on which nothing was found within an epsilon: the robustness curve at that point.
    /// </summary>
    public double RobustAccuracy(double epsilon) =>
        Distance.Where((d, i) => Correct[i] && d > epsilon).Count() / (double)Distance.Length;
}
