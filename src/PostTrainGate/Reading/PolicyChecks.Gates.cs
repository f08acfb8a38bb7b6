using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using Shapes = PostTrainGate.Reading.PolicyShape;

namespace PostTrainGate.Reading;

// Gates, and what their attacks and rates need.
internal static partial class PolicyChecks
{
    private static void Gate(
        GateEntry gate,
        Section root,
        ImmutableArray<(ScalarNode Name, Section Group)> groups,
        ReadContext context
    )
    {
        var rule = gate.Rule;
        if (rule.TryGet(GateKeys.Group, out var group) && !groups.Any(g => g.Name.Text == group))
            Undefined(group, groups, rule.At(GateKeys.Group), context);
        if (
            gate.Metric is { } named
            && !root.Has(Shapes.Model)
            && root.TryGet(Shapes.DataKey, out var data)
            && data.Has(Shapes.Data.Prediction)
        )
            OfPredictions(named, gate, data, context);
        Key<double?>[] thresholds = [Shapes.Rule.Min, Shapes.Rule.Max, Shapes.Rule.Drop];
        if (gate.Metric is { } metric && !rule.IsFaulty && !thresholds.Any(rule.Has))
        {
            context.Report(
                DiagnosticCodes.PolicyMissingKey,
                gate.Name.Position,
                $"'{metric.Name}' has no threshold; give '{GatesShape.Bound(metric)}' or 'drop'."
            );
        }

        Attack(gate, context);
        // A metric of any rate has the bounds of the one that is named.
        if (rule.TryGet(GateKeys.Rate, out var rate))
        {
            foreach (var key in thresholds.Where(k => rule.TryGet(k, out var value) && value > rate.Largest))
            {
                var given = rule.Get(key)!.Value;
                context.Report(
                    DiagnosticCodes.PolicyRange,
                    rule.At(key),
                    $"'{key.Name}' must be at most {Wording.Number(rate.Largest)} for '{rate.Name}', not "
                        + $"{Wording.Number(given)}{new NumberRange(0, rate.Largest).Advice(given)}."
                );
            }
        }

        if (
            root.TryGet(Shapes.InputKey, out var input)
            && input.TryGet(Shapes.Input.Bounds, out var bounds)
            && bounds[0] < bounds[1]
        )
            Epsilon(gate, bounds[0], bounds[1], context);
    }

    // What an attack cannot do, or has no use for.
    private static void Attack(GateEntry gate, ReadContext context)
    {
        var rule = gate.Rule;
        if (!rule.TryGet(AttackKeys.Attack, out var attack))
            return;
        var norm = rule.Get(AttackKeys.Norm);
        if (!attack.Norms.Contains(norm))
        {
            var at = rule.At(rule.Has(AttackKeys.Norm) ? AttackKeys.Norm : AttackKeys.Attack);
            var right = Wording.List(attack.Norms.Select(n => $"'norm: {Word(n)}'"), "or");
            Conflict(
                context,
                at,
                $"The attack '{attack.Name}' does not work in {Word(norm)}"
                    + $"{(rule.Has(AttackKeys.Norm) ? "" : ", which is the default norm")}; give {right}."
            );
        }

        if (rule.Has(AttackKeys.Categories) && !attack.KeepsForm)
        {
            var such = context.Catalog.All<IAttack>().Where(a => a.KeepsForm).Select(a => $"'{a.Name}'").ToList();
            Conflict(
                context,
                rule.At(AttackKeys.Categories),
                $"The attack '{attack.Name}' does not take 'categories', as it does not keep rows "
                    + $"of a table valid; remove it{(such.Count > 0 ? $", or use {Wording.List(such, "or")}" : "")}."
            );
        }

        static string Word(Norm norm) => norm.ToString().ToLowerInvariant();
    }

    private static void OfPredictions(IMetric metric, GateEntry gate, Section data, ReadContext context)
    {
        if (metric is not IPredictionMetric)
        {
            Conflict(
                context,
                gate.Name.Position,
                $"'{metric.Name}' needs a model, and the policy gates predictions; remove it, or give 'model'."
            );
            return;
        }

        if (!gate.Rule.TryGet(GateKeys.Rate, out var rate) || !rate.NeedsScores)
            return;
        if (!data.Has(Shapes.Data.Score))
        {
            Conflict(
                context,
                gate.Rule.At(GateKeys.Rate),
                $"'{rate.Name}' needs scores, and the policy has only predicted classes; "
                    + "give 'data.score', the column with the probability of the favorable class."
            );
        }
        else if (gate.Rule.Get(GateKeys.Average) != ClassView.Favorable)
        {
            Conflict(
                context,
                gate.Rule.At(GateKeys.Average),
                $"'{rate.Name}' needs scores of every class, and 'data.score' has only the favorable class; "
                    + "remove 'average'."
            );
        }
    }

    // An epsilon that reaches every input is one in other units: 8 where 8/255 is meant.
    private static void Epsilon(GateEntry gate, double lower, double upper, ReadContext context)
    {
        // That of smoothing is a Euclidean radius.
        if (gate.Metric?.Keys.Contains(AttackKeys.Norm) != true)
            return;
        var rule = gate.Rule;
        if (!rule.TryGet(AttackKeys.Epsilon, out var epsilon) || rule.Get(AttackKeys.Norm) is not Norm.Linf)
            return;
        if (epsilon <= upper - lower)
            return;
        var such = epsilon <= 255 && upper <= 1 ? $", such as {Wording.Number(epsilon)}/255" : "";
        context.Report(
            DiagnosticCodes.PolicyRange,
            rule.At(AttackKeys.Epsilon),
            $"'epsilon' is {Wording.Number(epsilon)}, more than the whole input range from {Wording.Number(lower)} to "
                + $"{Wording.Number(upper)}; give it in the units of 'bounds'{such}."
        );
    }
}
