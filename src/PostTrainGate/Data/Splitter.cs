using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Deals rows to the three splits: disjoint, seeded, stratified.</summary>
internal static class Splitter
{
    /// <summary>Rows of each split, ascending. The same for the same arguments on any machine.</summary>
    /// <remarks>
    /// Rows are lined up label by label, within a label stratum by stratum (strata in a seeded order), within a stratum
    /// in a seeded order; then each row in line goes to the split that lacks most of its share so far. So the sizes are
    /// right to a row, and so is every contiguous stretch of the line: the shares of each label, and of each stratum,
    /// differ from those asked for by a row or two, however small the strata are. Rows beyond the shares (when they do
    /// not add up to 1) belong to none.
    /// </remarks>
    /// <param name="labels">Class of each row.</param>
    /// <param name="strata">Further codes of each row, such as group levels.</param>
    /// <param name="shares">Shares of the splits.</param>
    /// <param name="seed">Seed of the policy.</param>
    /// <param name="trained">
    /// Rows that the model was trained on: all of them are in the repair split, which takes of the others only what it
    /// then lacks; null: none known.
    /// </param>
    public static int[][] Split(
        ReadOnlySpan<int> labels,
        IReadOnlyList<IReadOnlyList<int>> strata,
        SplitPolicy shares,
        int seed,
        IReadOnlyList<bool>? trained = null
    )
    {
        var rows = Enumerable.Range(0, labels.Length).Where(row => trained?[row] != true).ToArray();
        var line = new (int Label, ulong Stratum, ulong Order, int Row)[rows.Length];
        for (var i = 0; i < line.Length; i++)
        {
            var (row, stratum) = (rows[i], (ulong)(uint)seed);
            foreach (var codes in strata)
                stratum = Seeds.Key(stratum, (ulong)codes[row]);
            line[i] = (labels[row], stratum, Seeds.Key((ulong)(uint)seed, (ulong)row), row);
        }

        Array.Sort(line);
        var share = Shares(shares, labels.Length, line.Length);
        var splits = new List<int>[] { [], [], [], [] };
        for (var i = 0; i < line.Length; i++)
        {
            var neediest = 0;
            var most = double.NegativeInfinity;
            for (var s = 0; s < share.Length; s++)
            {
                var lacks = share[s] * (i + 1) - splits[s].Count;
                if (share[s] > 1e-9 && lacks > most + 1e-9)
                    (neediest, most) = (s, lacks);
            }

            splits[neediest].Add(line[i].Row);
        }

        splits[0].AddRange(Enumerable.Range(0, labels.Length).Where(row => trained?[row] == true));
        foreach (var split in splits)
            split.Sort();
        return
        [
            [.. splits[0]],
            [.. splits[1]],
            [.. splits[2]],
        ];
    }

    // Of the rows that no model was trained on the repair split gets what it lacks of its share; the other splits
    // divide what remains in the proportion that they have.
    private static double[] Shares(SplitPolicy shares, int rows, int unseen)
    {
        double[] all =
        [
            shares.Repair,
            shares.Select,
            shares.Test,
            Math.Max(0, 1 - shares.Repair - shares.Select - shares.Test),
        ];
        if (unseen == rows || unseen == 0)
            return all;
        var repair = Math.Max(0, shares.Repair * rows - (rows - unseen)) / unseen;
        var others = 1 - shares.Repair;
        return [repair, .. all.Skip(1).Select(s => s / others * (1 - repair))];
    }
}
