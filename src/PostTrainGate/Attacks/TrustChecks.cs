using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// When a robust accuracy must not be believed: signs of gradient masking (Athalye et al. 2018; Carlini et al. 2019). A gate that
/// would pass fails on any of them.
/// </summary>
internal static class TrustChecks
{
    private const int Rows = 200;

    /// <summary>Share of rows that a sign must show on before it counts.</summary>
    private const double Tolerance = 0.05;

    /// <summary>Why the robust accuracy of a model is not trusted, in one sentence; null when nothing speaks against it.</summary>
    /// <param name="evaluation">The model and its rows.</param>
    /// <param name="reference">The model before the repair on the same rows, whose adversarial examples must not beat a fresh attack.</param>
    /// <param name="rule">The gate with its attack.</param>
    /// <param name="seed">Of the rows and attacks.</param>
    /// <param name="cancel">Stops between steps.</param>
    public static string? Doubt(Evaluation evaluation, Evaluation? reference, GateRule rule, int seed, CancellationToken cancel)
    {
        using var rows = Some(evaluation.Data, seed);
        // Without an epsilon there is no budget to beat.
        if (double.IsInfinity(rule.Attack!.Epsilon)) return FlatGradients(evaluation, rows);
        return FlatGradients(evaluation, rows) ?? TransferBeatsAttack(evaluation, reference, rule, rows, seed, cancel)
            ?? StandsAtAnyEpsilon(evaluation, rule, rows, seed, cancel);
    }

    // A row whose logits do not react to the input at all cannot be attacked along gradients; that is no robustness.
    private static string? FlatGradients(Evaluation evaluation, EvaluationSet rows)
    {
        if (!evaluation.Model.HasGradients) return null;
        using var scope = NewDisposeScope();
        var x = rows.Inputs.detach().clone().requires_grad_();
        using var gradients = enable_grad();
        var logits = evaluation.Model.Logits(x);
        var others = logits.detach().scatter(1, rows.Labels.unsqueeze(1), full_like(logits, double.NegativeInfinity)).argmax(1, keepdim: true);
        var margin = logits.gather(1, rows.Labels.unsqueeze(1)) - logits.gather(1, others);
        var gradient = autograd.grad([margin.sum()], [x])[0].flatten(1);
        var flat = gradient.abs().amax(1).nan_to_num(0).eq(0).to(float32).mean().item<float>();
        return flat > Tolerance ? $"the gradient of the logits is zero on {Percent(flat)} of the inputs, so an attack along gradients says nothing" : null;
    }

    private static string? TransferBeatsAttack(Evaluation evaluation, Evaluation? reference, GateRule rule, EvaluationSet rows, int seed, CancellationToken cancel)
    {
        if (reference is null) return null;
        using var scope = NewDisposeScope();
        using var white = AttackHarness.Run(evaluation.Model, rows, new(rule.Attack!, seed) { Cancel = cancel });
        using var old = AttackHarness.Run(reference.Model, rows,
            new(rule.Attack!, seed) { KeepExamples = true, StopAtSuccess = false, Cancel = cancel });
        var errs = AttackHarness.Errs(evaluation.Model.LogitsOfAll(old.Examples!), rows.Labels).data<bool>().ToArray();
        var missed = white.Robust.Where((robust, i) => robust && errs[i]).Count() / (double)rows.Count;
        return missed > Tolerance
            ? $"examples made on the model before the repair break {Percent(missed)} of the inputs that the attack on the model itself leaves standing"
            : null;
    }

    // Half the range of inputs turns any input into any other's middle grey; a model that stands there is not being attacked.
    private static string? StandsAtAnyEpsilon(Evaluation evaluation, GateRule rule, EvaluationSet rows, int seed, CancellationToken cancel)
    {
        if (Catalog.Attacks.First(a => a.Name == rule.Attack!.Name).KeepsForm) return StandsAtAnyRow(evaluation, rule, rows, seed, cancel);
        if (rule.Attack!.Norm != Norm.Linf) return null;
        var half = (evaluation.Model.Input.Upper - evaluation.Model.Input.Lower) / 2;
        // One step of that size may lead anywhere.
        var isOneStep = rule.Attack.Name == GradientAttack.Fgsm.Name;
        var settings = rule.Attack with { Epsilon = half, Steps = isOneStep ? Math.Max(rule.Attack.Steps ?? 0, 20) : rule.Attack.Steps, StepSize = null };
        using var outcome = AttackHarness.Run(evaluation.Model, rows.Inputs, rows.Labels, new(settings, seed) { Cancel = cancel });
        return outcome.RobustAccuracy > 0.5
            ? $"{Percent(outcome.RobustAccuracy)} of the inputs withstand an epsilon of half the input range, so the attack does not work on this model"
            : null;
    }

    // The same of a table: any number of its seen range, any category, immutable or not, makes a row any other.
    private static string? StandsAtAnyRow(Evaluation evaluation, GateRule rule, EvaluationSet rows, int seed, CancellationToken cancel)
    {
        var layout = new FeatureLayout([.. rows.Layout!.Columns.Select(c => c with { Immutable = false })]);
        using var form = new TableForm(layout, int.MaxValue, evaluation.Model.Input);
        var settings = rule.Attack! with { Norm = Norm.Linf, Epsilon = form.Reach, Categories = int.MaxValue, StepSize = null };
        using var outcome = AttackHarness.Run(evaluation.Model, rows.Inputs, rows.Labels, new(settings, seed) { Layout = layout, Cancel = cancel });
        return outcome.RobustAccuracy > 0.5
            ? $"{Percent(outcome.RobustAccuracy)} of the inputs withstand any change within the seen ranges, so the attack does not work on this model"
            : null;
    }

    private static EvaluationSet Some(EvaluationSet data, int seed)
    {
        var rows = Enumerable.Range(0, data.Count).ToArray();
        new Random(seed).Shuffle(rows);
        return data.Take(rows.AsSpan(0, Math.Min(Rows, rows.Length)));
    }

    private static string Percent(double share) => (share * 100).ToString("0.#", CultureInfo.InvariantCulture) + " %";
}
