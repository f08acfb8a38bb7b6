using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace PostTrainGate.Torch;

/// <summary>
/// Pieces of work side by side, each on a share of the cores. Small passes gain little from a second core inside of
/// them and much from one beside them.
/// </summary>
internal static class Lanes
{
    /// <summary>Does all pieces; they may end in any order.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="most">How many may run at once.</param>
    /// <param name="work">
    /// Does one by its number, from 0, on some thread. None waits for another, and what one does not share with others
    /// comes out the same however many run at once.
    /// </param>
    /// <remarks>An exception ends the others before their next piece; the first of them is thrown.</remarks>
    public static void ForEach(int count, int most, Action<int> work)
    {
        var cores = get_num_threads();
        var lanes = Math.Min(Math.Min(cores, most), count);
        if (lanes < 2)
        {
            for (var i = 0; i < count; i++)
                work(i);
            return;
        }

        var next = -1;
        ExceptionDispatchInfo? failed = null;
        // Threads of their own: the number of cores that native code uses is kept by thread, and stays with it.
        Thread[] threads = [.. Enumerable.Range(0, lanes).Select(_ => new Thread(Work, StackBytes))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        set_num_threads(cores); // the last one set is also that of threads to come
        failed?.Throw();

        void Work()
        {
            set_num_threads(cores / lanes);
            int i;
            while (Volatile.Read(ref failed) is null && (i = Interlocked.Increment(ref next)) < count)
            {
                try
                {
                    work(i);
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref failed, ExceptionDispatchInfo.Capture(e), null);
                }
            }
        }
    }

    private const int StackBytes = 16 << 20;
}
