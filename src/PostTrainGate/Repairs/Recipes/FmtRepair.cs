namespace PostTrainGate.Repairs;

/// <summary>Tries FMT for every group whose gate failed, over a small grid.</summary>
public sealed class FmtRepair : IRepair
{
    private const int MostSteps = 20_000;
    private const double Usual = 1e-3; // rate

    private static readonly (bool Dual, FmtVariant Variant, double Rate)[] Grid =
    [
        (true, FmtVariant.Full, 1e-3),
        (false, FmtVariant.Full, 1e-3),
        (true, FmtVariant.NoSlice, 1e-3),
        (false, FmtVariant.NoSlice, 1e-3),
        (true, FmtVariant.NoSliceNoTransform, 1e-3),
        (false, FmtVariant.NoSliceNoTransform, 1e-3),
        (true, FmtVariant.Full, 1e-4),
        (false, FmtVariant.Full, 1e-4),
    ];

    /// <inheritdoc/>
    public string Name => "fmt";

    /// <inheritdoc/>
    public string Summary =>
        "Twins that differ only in a protected attribute learn the same internal representation "
        + "(FMT, Jiang et al., TOSEM 2024).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context)
    {
        var gates = context.ByGroup();
        if (gates.Length == 0)
            return "no gate with a group failed";
        string? reason = null;
        return gates.Any(g =>
            CounterfactualPairs.For(context.RepairSet, context.RepairSet.Groups[g.Group!], out reason) is not null
        )
            ? null
            : reason;
    }

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        (string Name, CounterfactualPairs Pairs)[] groups =
        [
            .. context
                .ByGroup()
                .Select(g => g.Group!)
                .Distinct()
                .Select(name =>
                    (name, Pairs: CounterfactualPairs.For(context.RepairSet, context.RepairSet.Groups[name], out _))
                )
                .Where(g => g.Pairs is not null)
                .Select(g => (g.name, g.Pairs!)),
        ];
        return from setting in Grid
            from @group in groups
            let rows = context.RepairSet.Count * (setting.Dual ? 2 : 1)
            let recipe = new Fmt
            {
                Pairs = @group.Pairs,
                Group = @group.Name,
                Dual = setting.Dual,
                Variant = setting.Variant,
                LearningRate = setting.Rate,
                Epochs = Epochs(rows),
            }.Recipe(context.Source)
            // Its random stream keeps the name without the rate.
            let rate = setting.Rate == Usual ? "" : FormattableString.Invariant($", lr {setting.Rate:G1}")
            select RecipePlan.Fixed(recipe with { Name = recipe.Name + rate }, context, rows: rows);
    }

    // The paper's 50 passes, fewer where there are many rows.
    internal static int Epochs(int rows) => (int)Math.Clamp(MostSteps * 64L / Math.Max(1, rows), 5, 50);
}
