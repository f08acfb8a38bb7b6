using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Gating;

/// <summary>
/// When a robust accuracy must not be believed: signs of gradient masking (Athalye et al. 2018; Carlini et al. 2019). A
/// gate that would pass fails on any of them.
/// </summary>
/// <param name="evaluation">The model and its rows.</param>
/// <param name="rule">The gate with its attack.</param>
/// <param name="seed">Of the rows and attacks.</param>
/// <param name="cancel">Stops between steps.</param>
internal sealed class TrustChecks(Evaluation evaluation, GateRule rule, int seed, CancellationToken cancel)
    : IDisposable
{
    private const int Rows = 200,
        FewRows = 64,
        FewSteps = 5,
        Queries = 200;

    /// <summary>Share of rows that a sign must show on before it counts.</summary>
    private const double Tolerance = 0.05;

    private readonly EvaluationSet _rows = Some(evaluation.Data, seed);
    private readonly IAttack _attack = rule.Attack!.Attack;

    private Classifier Model => evaluation.Model;

    /// <summary>
    /// Why the robust accuracy of the model is not trusted, in one sentence; null when nothing speaks against it.
    /// </summary>
    /// <param name="reference">The model before the repair on the same rows, whose adversarial examples must not beat a
    /// fresh attack.</param>
    /// <param name="attacked">What the attack took.</param>
    public string? Doubt(Evaluation? reference, AttackedInputs? attacked)
    {
        if (Sign() is { } sign)
            return sign;
        if (attacked is { BrokenByKept: > 1 and var broken } && broken > Tolerance * attacked.Inputs)
            return $"adversarial examples of earlier runs break {Percent(broken / (double)attacked.Inputs)} of the "
                + "inputs that survive the attack";
        // Without an epsilon there is no budget to beat.
        if (double.IsInfinity(rule.Attack!.Epsilon))
            return null;
        return TransferBeatsAttack(reference)
            ?? FewStepsBeatAttack()
            ?? ScoresBeatGradients()
            ?? MoreStepsBeatAttack()
            ?? (_attack.KeepsForm ? StandsAtAnyRow() : StandsAtAnyEpsilon());
    }

    /// <summary>
    /// What passes over the rows alone tell against it, without attacking them again; null when nothing does.
    /// </summary>
    public string? Sign() => DrawsOutputs() ?? Saturates() ?? FlatGradients();

    // An attack on outputs that are drawn anew with every pass climbs another hill in every step.
    private string? DrawsOutputs()
    {
        using var scope = NewDisposeScope();
        var (logits, again) = (Model.LogitsOfAll(_rows.Inputs), Model.LogitsOfAll(_rows.Inputs));
        var moved = (logits - again)
            .abs()
            .amax([1])
            .gt(logits.abs().amax([1]) * Scalars.Get(1e-3))
            .to(float32)
            .mean()
            .item<float>();
        return moved > Tolerance && !_attack.AveragesDraws
            ? $"the outputs for {Percent(moved)} of the inputs change from pass to pass; "
                + $"use '{AutoAttack.Randomized.Name}', which averages many passes"
            : null;
    }

    // From a gap of 104 between logits on the softmax is exactly 0 and 1 in single precision, and the cross-entropy has
    // no slope. Attacks here see through that, others do not; and a classifier that is that sure was scaled to be.
    private string? Saturates()
    {
        if (!Model.HasGradients || !_attack.NeedsGradients)
            return null;
        using var scope = NewDisposeScope();
        var second = nn.functional.softmax(Model.LogitsOfAll(_rows.Inputs), 1).topk(2, 1).values.select(1, 1);
        var saturated = second.eq(0).to(float32).mean().item<float>();
        return saturated > Tolerance
            ? $"the probabilities of {Percent(saturated)} of the inputs round to exactly 0 and 1, "
                + "so the cross-entropy has no gradient; divide the logits by a temperature"
            : null;
    }

    // A row whose logits do not react to the input at all cannot be attacked along gradients; that is no robustness.
    private string? FlatGradients()
    {
        if (!Model.HasGradients)
            return null;
        using var scope = NewDisposeScope();
        var (_, _, slope) = InputGradient.Compute(Model, _rows.Inputs, (z, of) => Losses.Margin(z, of(_rows.Labels)));
        var flat = slope.flatten(1).abs().amax(1).nan_to_num(0).eq(0).to(float32).mean().item<float>();
        return flat > Tolerance
            ? $"the gradient of the logits is zero on {Percent(flat)} of the inputs, so gradient-based attacks fail"
            : null;
    }

    private string? TransferBeatsAttack(Evaluation? reference) =>
        reference is null ? null : Beaten("adversarial examples of the original model break", rows =>
            {
                using var scope = NewDisposeScope();
                using var old = Attack(reference.Model, rows, rule.Attack!, keepExamples: true);
                return [.. AttackHarness.Errs(Model.LogitsOfAll(old.Examples!), rows.Labels).data<bool>()];
            });

    // Fewer and larger steps; with one of a size that is given they are the first ones of all.
    private string? FewStepsBeatAttack() =>
        !_attack.IsIterative || rule.Attack!.Steps <= FewSteps
            ? null
            : Beaten($"{FewSteps} steps of the attack break", rule.Attack with { Steps = FewSteps, StepSize = null });

    // One step, as its name says, is weak without any masking.
    private string? ScoresBeatGradients() =>
        !_attack.NeedsGradients || _attack.KeepsForm || _attack.IsSingleStep
            ? null
            : Beaten(
                $"a score-based search ('{Square.Instance.Name}', {Queries} queries) breaks",
                rule.Attack! with
                {
                    Attack = Square.Instance,
                    Steps = Queries,
                    StepSize = null,
                    Restarts = 1,
                }
            );

    // A search by scores or labels that is told to stop soon finds little on any model: a query is not a step along a
    // gradient.
    private string? MoreStepsBeatAttack()
    {
        if (_attack.NeedsGradients || rule.Attack!.Steps is not { } steps)
            return null;
        var isSquare = _attack == Square.Instance;
        return isSquare && steps >= Queries
            ? null
            : Beaten(
                isSquare ? $"{Queries} queries break" : "the attack with its default steps breaks",
                rule.Attack with
                {
                    Steps = isSquare ? Queries : null,
                    StepSize = null,
                }
            );
    }

    private string? Beaten(string what, AttackSettings other) => Beaten(what, rows =>
        {
            using var outcome = Attack(Model, rows, other);
            return [.. outcome.Robust.Select(r => !r)];
        });

    // Counts rows that something else breaks and the gate's attack does not. Of a few rows it is one at most where
    // there is nothing to count (at a share of 10 % that is so once in a hundred times), and a search costs many
    // passes: only then it goes on to all.
    private string? Beaten(string what, Func<EvaluationSet, bool[]> breaks)
    {
        var missed = 0;
        foreach (var (start, end) in new[] { (0, FewRows), (FewRows, Rows) })
        {
            using var part = Part(start, end);
            if (part.Count == 0)
                continue;
            int[] broken = [.. breaks(part).Index().Where(b => b.Item).Select(b => b.Index)];
            if (missed + broken.Length <= 1)
                return null;
            using var some = part.Take(broken);
            using var own = Attack(Model, some, rule.Attack!);
            missed += own.Robust.Count(r => r);
            if (missed <= 1)
                return null;
        }

        var share = missed / (double)_rows.Count;
        return share > Tolerance ? $"{what} {Percent(share)} of the inputs that survive the attack" : null;
    }

    // Half the range of inputs turns any input into any other's middle gray; a model that stands there is not being
    // attacked.
    private string? StandsAtAnyEpsilon()
    {
        if (rule.Attack!.Norm != Norm.Linf)
            return null;
        var half = (Model.Input.Upper - Model.Input.Lower) / 2;
        // One step of that size may lead anywhere.
        var steps = _attack.IsSingleStep ? Math.Max(rule.Attack.Steps ?? 0, 20) : rule.Attack.Steps;
        using var few = Part(0, FewRows);
        using var outcome = Attack(Model, few, rule.Attack with { Epsilon = half, Steps = steps, StepSize = null });
        return outcome.RobustAccuracy > 0.5
            ? $"{Percent(outcome.RobustAccuracy)} of the inputs survive an epsilon of half the input range, "
                + "so the attack does not work on this model"
            : null;
    }

    // The same of a table: any number of its seen range, any category, immutable or not, makes a row any other.
    private string? StandsAtAnyRow()
    {
        var layout = new FeatureLayout([.. _rows.Layout!.Columns.Select(c => c with { Immutable = false })]);
        using var form = new TabularConstraints(layout, int.MaxValue, Model.Input);
        var settings = rule.Attack! with
        {
            Norm = Norm.Linf,
            Epsilon = form.Reach,
            Categories = int.MaxValue,
            StepSize = null,
        };
        using var few = Part(0, FewRows);
        using var outcome = AttackHarness.Run(
            Model,
            few.Inputs,
            few.Labels,
            new(settings, seed) { Layout = layout, Cancel = cancel }
        );
        return outcome.RobustAccuracy > 0.5
            ? $"{Percent(outcome.RobustAccuracy)} of the inputs survive any change within the observed ranges, "
                + "so the attack does not work on this model"
            : null;
    }

    private EvaluationSet Part(int start, int end) =>
        _rows.Take([.. Enumerable.Range(start, Math.Max(0, Math.Min(end, _rows.Count) - start))]);

    private AttackOutcome Attack(
        Classifier model,
        EvaluationSet rows,
        AttackSettings settings,
        bool keepExamples = false
    ) =>
        AttackHarness.Run(
            model,
            rows,
            new(settings, seed)
            {
                KeepExamples = keepExamples,
                StopAtSuccess = !keepExamples,
                Cancel = cancel,
            }
        );

    /// <inheritdoc/>
    public void Dispose() => _rows.Dispose();

    private static EvaluationSet Some(EvaluationSet data, int seed)
    {
        var rows = Enumerable.Range(0, data.Count).ToArray();
        new Random(seed).Shuffle(rows);
        return data.Take(rows.AsSpan(0, Math.Min(Rows, rows.Length)));
    }

    private static string Percent(double share) => (share * 100).ToString("0.#", CultureInfo.InvariantCulture) + " %";
}
