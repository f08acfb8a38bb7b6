namespace PostTrainGate.Repairs;

/// <summary>
/// Every variant of FMT that the paper compares (Jiang et al., TOSEM 2024): full, last, rand, -s, -sl; single and dual;
/// with the rates of its grid, and the release's own preset.
/// </summary>
internal sealed class FmtAll : IRepair
{
    private static readonly double[] Rates = [1e-3, 1e-4, 1e-5];

    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "fmt_all";

    /// <inheritdoc/>
    public string Summary => "Every variant of FMT that its paper compares, and the preset of its release.";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) => new FmtRepair().WhyNot(context);

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        foreach (var group in context.FailedGroups())
        {
            if (CounterfactualPairs.For(context.RepairSet, group, out _) is not { } pairs)
                continue;
            foreach (var rate in Rates)
            foreach (var variant in Enum.GetValues<FmtVariant>())
            foreach (var dual in new[] { true, false })
            {
                var rows = context.RepairSet.Count * (dual ? 2 : 1);
                var fmt = new Fmt
                {
                    Pairs = pairs,
                    Group = group.Name,
                    Dual = dual,
                    Variant = variant,
                    LearningRate = rate,
                    Epochs = FmtRepair.Epochs(rows),
                };
                yield return Named(fmt, FormattableString.Invariant($", lr {rate:G1}"), rows);
                if (rate == Rates[0])
                    yield return Named(fmt.AsPublished(), " published", rows);
            }
        }

        RecipePlan Named(Fmt fmt, string preset, int rows)
        {
            var recipe = fmt.Recipe(context.Source);
            return RecipePlan.Fixed(recipe with { Name = recipe.Name + preset }, context, rows: rows);
        }
    }
}

/// <summary>
/// Every variant of Dare that the papers compare (Jiang et al., ASE 2022 and TOSEM 2024): full, last, -s, -sl, in the
/// longer preset and in that of the release.
/// </summary>
internal sealed class DareAll : IRepair
{
    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "dare_all";

    /// <inheritdoc/>
    public string Summary => "Every variant of Dare that its papers compare, and the preset of its release.";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) => new DareRepair().WhyNot(context);

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context) =>
        DareRepair.Plan(
            context,
            Enum.GetValues<DareVariant>()
                .SelectMany(v => new Func<Dare, Dare>[] { d => d with { Variant = v }, d => Published(d, v) })
        );

    // The release trains the variants without a slice for ten passes in place of ten steps.
    private static Dare Published(Dare dare, DareVariant variant)
    {
        dare = dare.AsPublished() with { Variant = variant };
        return variant is DareVariant.NoSlice or DareVariant.NoSliceNoTransform
            ? dare with
            {
                Schedule = new()
                {
                    Epochs = 10,
                    BatchSize = 32,
                    LearningRate = variant == DareVariant.NoSlice ? 1e-6 : 1e-4,
                    Checkpoints = 0,
                },
            }
            : dare;
    }
}
