using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Square attack (Andriushchenko et al. 2020): random search over windows that shrink with the queries; a proposal is
/// kept where it lowers the margin. Needs logits only. Inputs that are no images have windows of neighboring values.
/// </summary>
public sealed class Square : RowAttack
{
    private const double FirstShare = 0.8;

    private Square()
        : base(
            "square",
            "Random search over shrinking square windows that uses only logits, "
                + "with 5,000 queries (Andriushchenko et al. 2020).",
            needsGradients: false
        ) { }

    /// <summary>The attack.</summary>
    public static Square Instance { get; } = new();

    /// <summary>Queries unless settings say otherwise.</summary>
    internal const int DefaultQueries = 5000;

    /// <inheritdoc/>
    public override string Title => "Square";

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows) =>
        Search(context, rows, context.Settings.Steps ?? DefaultQueries, (_, _) => null);

    /// <summary>The search.</summary>
    /// <param name="context">Classifier and budget.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="queries">Queries of each row at most, which the windows' sizes are spread over.</param>
    /// <param name="goOn">
    /// Asked after each query with its number and the rows' largest margins so far, [rows]: which rows go on, [rows],
    /// bool; null: all.
    /// </param>
    internal static void Search(AttackContext context, ActiveBatch rows, int queries, Func<int, Tensor, Tensor?> goOn)
    {
        using var scope = NewDisposeScope();
        using var model = context.Model.Freeze();
        var windows = new SquareWindows(context.Budget, rows.Clean.Value.shape, context.Random);
        using var best = rows.Keep(windows.First(rows.Clean.Value));
        using var margin = rows.Keep(full(rows.Count, Scalars.Get(double.NegativeInfinity)).On(rows.Clean.Value));
        using var x = rows.Keep(best.Value);
        using var stages = context.Enter(rows, best, margin);
        for (var query = stages.First; query < queries && rows.Count > 0; stages.Passed(++query))
        {
            context.Begin(query, queries);
            using var stepScope = NewDisposeScope();
            if (query > 0)
                x.Value = windows.Propose(rows.Clean.Value, best.Value, Share(query, queries));
            var logits = Confirmed(context, rows, x.Value, model.Logits(x.Value));
            var value = Losses.Margin(logits, rows.Labels.Value);
            var better = value.gt(margin.Value);
            best.Set(better, x.Value);
            margin.Set(better, value);
            rows.Judge(context, logits, x.Value);
            if (rows.Count > 0 && goOn(query, margin.Value) is { } stays)
                rows.GiveUp(stays.logical_not());
        }
    }

    // A row is broken where the classifier itself says so, not by the last digits of a faster pass.
    private static Tensor Confirmed(AttackContext context, ActiveBatch rows, Tensor x, Tensor logits)
    {
        using var scope = NewDisposeScope();
        var broken = AttackHarness.Errs(logits, rows.Labels.Value).nonzero().flatten();
        if (broken.size(0) > 0)
            logits.index_copy_(0, broken, InputGradient.Logits(context.Model, x.index_select(0, broken)));
        return logits;
    }

    // Share of the values that a window covers: halved after 10, 50, 200, ... of 10,000 queries.
    private static double Share(int query, int queries)
    {
        var at = (int)((double)query / queries * 10_000);
        ReadOnlySpan<int> halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
        var share = FirstShare;
        foreach (var after in halvings)
            share /= at > after ? 2 : 1;
        return share;
    }
}
