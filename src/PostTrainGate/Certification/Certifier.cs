using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Evaluations;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>Proves for rows that nothing within a budget changes their class.</summary>
/// <remarks>
/// A row is certified when the lower bounds of its label's margin over every other class are above what float32 may
/// round: twice the largest difference that the loader tolerates between two float32 implementations of the model
/// (1e-4, relative above 1). The bounds themselves are those of the network in real numbers, computed in float64.
/// </remarks>
internal static class Certifier
{
    private const int Rows = 50;
    private const int PgdSteps = 20;
    private const double Proved = 1,
        Fell = 2;

    /// <summary>Certifies rows.</summary>
    /// <param name="graph">The model's graph as bounds see it.</param>
    /// <param name="model">The model.</param>
    /// <param name="inputs">[n, input shape], in the data's units.</param>
    /// <param name="labels">[n], int64.</param>
    /// <param name="settings">Norm, epsilon and method.</param>
    /// <param name="seed">Of the attack that sorts out rows that nothing can certify.</param>
    /// <param name="progress">Told the share done, 0 to 1.</param>
    /// <param name="cancel">Stops between passes.</param>
    /// <param name="work">Where blocks of rows are worked on; null: here.</param>
    public static Certificates Run(
        BoundGraph graph,
        OnnxClassifier model,
        Tensor inputs,
        Tensor labels,
        CertificateSettings settings,
        int seed,
        IProgress<double>? progress = null,
        CancellationToken cancel = default,
        BlockWork? work = null
    )
    {
        using var scope = NewDisposeScope();
        var budget = new Budget(settings.Norm, settings.Epsilon, model.Input.Lower, model.Input.Upper);
        var all = Enumerable.Range(0, (int)labels.shape[0]).Select(i => (long)i).ToArray();
        var logits = model.LogitsOfAll(inputs);
        var correct = AttackHarness.Errs(logits, labels).logical_not().data<bool>().ToArray();
        var rounding = Rounding(logits, model.Rebuilt.Model.Tolerance);
        var (certified, broken) = (new bool[all.Length], new bool[all.Length]);
        var done = 0;
        foreach (var (number, rows) in all.Where(i => correct[i]).Chunk(Rows).Index())
        {
            var outcome = (work ?? BlockWork.Here).Find($"rows {number}", rows.Length, () => Certify(rows));
            foreach (var (row, value) in outcome is null ? [] : rows.Zip(outcome.Values))
                (certified[row], broken[row]) = (value == Proved, value == Fell);
            done += rows.Length;
            progress?.Report((double)done / all.Length);
        }

        progress?.Report(1);
        return new([.. correct], [.. certified], [.. broken]);

        BlockOutcome Certify(long[] rows)
        {
            // Cheap bounds first; what they leave open either falls to a short attack or is worth the dear ones.
            var open = Prove(rows, backward: settings.Method == BoundMethod.Crown, refine: false);
            if (settings.Method == BoundMethod.Crown && open.Length > 0)
            {
                open = Attack(open);
                if (open.Length > 0)
                    Prove(open, backward: true, refine: true);
            }

            return new(
                [
                    .. rows.Select(row =>
                        certified[row] ? Proved
                        : broken[row] ? Fell
                        : 0
                    ),
                ],
                []
            );
        }

        long[] Prove(long[] rows, bool backward, bool refine)
        {
            using var batch = NewDisposeScope();
            var index = tensor(rows);
            var (x, y) = (inputs.index_select(0, index), labels.index_select(0, index));
            using var bounds = new Bounds(graph, x, budget, refine, cancel);
            var least = bounds.Margins(y, backward).amin([1]).data<double>().ToArray();
            for (var i = 0; i < rows.Length; i++)
                certified[rows[i]] = least[i] > rounding[rows[i]];
            return [.. rows.Where(r => !certified[r])];
        }

        long[] Attack(long[] rows)
        {
            using var batch = NewDisposeScope();
            var index = tensor(rows);
            var attack = new AttackSettings(GradientAttack.Pgd, settings.Norm, settings.Epsilon) { Steps = PgdSteps };
            using var outcome = AttackHarness.Run(
                model,
                inputs.index_select(0, index),
                labels.index_select(0, index),
                new(attack, seed) { Cancel = cancel }
            );
            foreach (var (row, stands) in rows.Zip(outcome.Robust))
                broken[row] = !stands;
            return [.. rows.Where(r => !broken[r])];
        }
    }

    // [rows], how much of a margin may be rounding.
    private static double[] Rounding(Tensor logits, double tolerance) =>
        [.. logits.abs().amax([1]).clamp_min(Scalars.Get(1)).data<float>().Select(s => 2 * tolerance * s)];
}

/// <summary>What could be proved.</summary>
/// <param name="Correct">Per row whether it is classified correctly.</param>
/// <param name="Certified">Per row whether it is, and nothing within the budget changes that.</param>
/// <param name="Broken">
/// Per row whether a short attack was seen to break it; of rows that were not attacked, false.
/// </param>
internal sealed record Certificates(
    ImmutableArray<bool> Correct,
    ImmutableArray<bool> Certified,
    ImmutableArray<bool> Broken
);
